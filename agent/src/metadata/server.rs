//! The endpoint itself: one thread that answers one request after another.
//!
//! All agents of a Pod listen on the same port, so that one of them answers as long as any container is there. The kernel
//! lets only programs of the same user share a port (`SO_REUSEPORT`); one of another user waits until it is free.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use super::response::{Answer, View};
use super::{Metadata, Pod};
use crate::board::Board;
use crate::plan::Plan;

/// Longest head of a request.
const HEAD: usize = 8 * 1024;
/// Most headers of a request.
const HEADERS: usize = 64;
/// Maximum time to receive a request, and to send its response.
const PATIENCE: Duration = Duration::from_secs(2);
/// Between two looks whether the port is free, and after a connection that could not be taken.
const PAUSE: Duration = Duration::from_secs(1);
/// Connections that wait to be taken.
const BACKLOG: i32 = 16;
/// Answers are small and made without recursion.
const STACK: usize = 256 * 1024;

/// Data that the endpoint serves.
#[derive(Clone, Debug)]
pub struct Known {
    /// The containers of the task.
    pub plan: Plan,
    /// Metadata from its definition.
    pub metadata: Metadata,
    /// Pod of the task.
    pub pod: Pod,
    /// State of its containers.
    pub board: Board,
}

/// Answers from now on until the program ends. A container does without the endpoint rather than fail, and its log says so.
pub fn start(known: Known) {
    let serving = move || {
        if let Err(error) = serve(&known) {
            tell(&error);
        }
    };
    if let Err(error) = thread::Builder::new().name("metadata".to_owned()).stack_size(STACK).spawn(serving) {
        tell(&error);
    }
}

fn tell(error: &io::Error) {
    eprintln!("task-agent: no task metadata endpoint: {error}");
}

fn serve(known: &Known) -> io::Result<()> {
    let listener = loop {
        match listen(known.metadata.port) {
            Err(error) if error.kind() == ErrorKind::AddrInUse => thread::sleep(PAUSE),
            outcome => break outcome?,
        }
    };
    loop {
        match listener.accept() {
            // Whoever asked and went away needs no answer.
            Ok((stream, _)) => drop(converse(stream, known)),
            // Such as too many open files: it may pass.
            Err(_) => thread::sleep(PAUSE),
        }
    }
}

fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_port(true)?;
    // Closed connections of another agent do not keep the port.
    socket.set_reuse_address(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// One request and its answer.
fn converse(mut stream: TcpStream, known: &Known) -> io::Result<()> {
    let Answer { status, body } = match read(&mut stream)? {
        Request::Get(path) => {
            let seen = known.board.look(known.plan.containers.len());
            let Known { plan, metadata, pod, board } = known;
            View { plan, metadata, pod, seen: &seen, is_stopping: board.is_stopping() }.answer(&path)
        }
        Request::Other => Answer::error(405, "405 only GET is answered"),
        Request::Wrong => Answer::error(400, "400 no request of HTTP/1, or too long a one"),
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
    /// For this path.
    Get(String),
    /// With another method.
    Other,
    /// None at all.
    Wrong,
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
        let mut some = [0; 1024];
        match stream.read(&mut some)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            read => head.extend_from_slice(&some[..read]),
        }
        if let Some(request) = parse(&head) {
            return Ok(request);
        }
    }
}

/// Nothing yet while the head is not whole.
fn parse(head: &[u8]) -> Option<Request> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match (request.parse(head), request.method, request.path) {
        (Ok(httparse::Status::Complete(_)), Some("GET"), Some(path)) => Some(Request::Get(path.to_owned())),
        (Ok(httparse::Status::Complete(_)), ..) => Some(Request::Other),
        (Ok(httparse::Status::Partial), ..) if head.len() < HEAD => None,
        _ => Some(Request::Wrong),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_and_short_requests_to_get_something_are_answered() {
        let get = |head: &str| match parse(head.as_bytes()) {
            Some(Request::Get(path)) => path,
            Some(Request::Other) => "other".to_owned(),
            Some(Request::Wrong) => "wrong".to_owned(),
            None => "partial".to_owned(),
        };
        assert_eq!(get("GET /v4/app HTTP/1.1\r\nHost: x\r\n\r\n"), "/v4/app");
        assert_eq!(get("GET /v4/app HTTP/1.1\r\nHost: x\r\n"), "partial");
        assert_eq!(get("POST /v4/app HTTP/1.1\r\nHost: x\r\n\r\n"), "other");
        assert_eq!(get("\u{16}\u{3}\u{1}"), "wrong");
        assert_eq!(get(&format!("GET /{} HTTP/1.1\r\n", "x".repeat(HEAD))), "wrong");
    }
}
