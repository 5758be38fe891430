//! HTTP server of the endpoint: one thread that handles one request after another.
//!
//! All agents of a Pod listen on the same port, so the endpoint is available while any container runs. The kernel allows only
//! programs of the same user to share a port (`SO_REUSEPORT`). A program of another user waits until the port is free.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use super::response::{Response, View};
use super::{Metadata, Pod};
use crate::board::Board;
use crate::plan::Plan;

/// Maximum size of the head of a request.
const HEAD: usize = 8 * 1024;
/// Maximum number of headers of a request.
const HEADERS: usize = 64;
/// Maximum time to receive a request, and to send its response.
const PATIENCE: Duration = Duration::from_secs(2);
/// Interval between attempts to bind the port, and delay after a failed accept.
const PAUSE: Duration = Duration::from_secs(1);
/// Maximum number of connections that wait to be accepted.
const BACKLOG: i32 = 16;
/// Stack size of the thread. Responses are small and rendered without recursion.
const STACK: usize = 256 * 1024;

/// Data that the endpoint serves.
#[derive(Clone, Debug)]
pub struct TaskData {
    /// Containers of the task.
    pub plan: Plan,
    /// Metadata from the definition.
    pub metadata: Metadata,
    /// Pod of the task.
    pub pod: Pod,
    /// States of the containers.
    pub board: Board,
}

/// Serves requests until the program ends. An error is logged, and the container runs without the endpoint.
pub fn start(data: TaskData) {
    let run = move || {
        if let Err(error) = serve(&data) {
            log(&error);
        }
    };
    if let Err(error) = thread::Builder::new().name("metadata".to_owned()).stack_size(STACK).spawn(run) {
        log(&error);
    }
}

fn log(error: &io::Error) {
    eprintln!("task-agent: cannot serve the task metadata endpoint: {error}");
}

fn serve(data: &TaskData) -> io::Result<()> {
    let listener = loop {
        match listen(data.metadata.port) {
            Err(error) if error.kind() == ErrorKind::AddrInUse => thread::sleep(PAUSE),
            outcome => break outcome?,
        }
    };
    loop {
        match listener.accept() {
            // Errors of a connection are errors of its client.
            Ok((stream, _)) => drop(handle(stream, data)),
            // Possibly temporary, such as too many open files.
            Err(_) => thread::sleep(PAUSE),
        }
    }
}

fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_port(true)?;
    // Closed connections of another agent must not block the port.
    socket.set_reuse_address(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Reads a request and writes the response.
fn handle(mut stream: TcpStream, data: &TaskData) -> io::Result<()> {
    let Response { status, body } = match read(&mut stream)? {
        Request::Get(path) => {
            let TaskData { plan, metadata, pod, board } = data;
            let states = board.states(plan.containers.len());
            View { plan, metadata, pod, states: &states, is_stopping: board.is_stopping() }.respond(&path)
        }
        Request::OtherMethod => Response::error(405, "405 method not allowed: use GET"),
        Request::Invalid => Response::error(400, "400 not an HTTP/1 request, or the request is too long"),
    };
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 {status} {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        reason(status),
        body.len()
    );
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(&[head.as_bytes(), body.as_bytes()].concat())
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        404 => "Not Found",
        405 => "Method Not Allowed",
        _ => "Bad Request",
    }
}

enum Request {
    /// GET request for this path.
    Get(String),
    OtherMethod,
    /// Not an HTTP/1 request, or too long.
    Invalid,
}

fn read(stream: &mut TcpStream) -> io::Result<Request> {
    let deadline = Instant::now() + PATIENCE;
    let mut head = Vec::new();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        let mut buffer = [0; 1024];
        match stream.read(&mut buffer)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            read => head.extend_from_slice(&buffer[..read]),
        }
        if let Some(request) = parse(&head) {
            return Ok(request);
        }
    }
}

/// Returns none while the head is incomplete.
fn parse(head: &[u8]) -> Option<Request> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match (request.parse(head), request.method, request.path) {
        (Ok(httparse::Status::Complete(_)), Some("GET"), Some(path)) => Some(Request::Get(path.to_owned())),
        (Ok(httparse::Status::Complete(_)), ..) => Some(Request::OtherMethod),
        (Ok(httparse::Status::Partial), ..) if head.len() < HEAD => None,
        _ => Some(Request::Invalid),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_complete_get_requests_are_accepted() {
        let get = |head: &str| match parse(head.as_bytes()) {
            Some(Request::Get(path)) => path,
            Some(Request::OtherMethod) => "other method".to_owned(),
            Some(Request::Invalid) => "invalid".to_owned(),
            None => "partial".to_owned(),
        };
        assert_eq!(get("GET /v4/app HTTP/1.1\r\nHost: x\r\n\r\n"), "/v4/app");
        assert_eq!(get("GET /v4/app HTTP/1.1\r\nHost: x\r\n"), "partial");
        assert_eq!(get("POST /v4/app HTTP/1.1\r\nHost: x\r\n\r\n"), "other method");
        assert_eq!(get("\u{16}\u{3}\u{1}"), "invalid");
        assert_eq!(get(&format!("GET /{} HTTP/1.1\r\n", "x".repeat(HEAD))), "invalid");
    }
}
