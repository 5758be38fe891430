//! Errors of writes.

use kube::Error;
use kube::core::Status;

use super::class::ErrorClass;

/// Error of a write. `target` names the operation and the object, as in `apply Deployment default/web`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// An object of this name exists. An earlier attempt may have created it.
    #[error("{target}: an object of this name already exists")]
    AlreadyExists {
        /// Operation and object.
        target: String,
    },
    /// Another client changed the object at the same time.
    #[error("{target}: another client changed the object at the same time: {message}")]
    Conflict {
        /// Operation and object.
        target: String,
        /// The message of the server.
        message: String,
    },
    /// The operator lacks a right.
    #[error("{target}: the operator lacks a right: {message}")]
    Forbidden {
        /// Operation and object.
        target: String,
        /// The message of the server, with the user, the verb and the resource.
        message: String,
    },
    /// The server does not accept the credentials.
    #[error("{target}: the server does not accept the operator's credentials: {message}")]
    Unauthorized {
        /// Operation and object.
        target: String,
        /// The message of the server.
        message: String,
    },
    /// The server rejected the object.
    #[error("{target}: the server rejected the object: {message}")]
    Invalid {
        /// Operation and object.
        target: String,
        /// The message of the server, with the field.
        message: String,
    },
    /// The object, its namespace or its kind does not exist.
    #[error("{target}: not found: {message}")]
    NotFound {
        /// Operation and object.
        target: String,
        /// The message of the server, with the missing resource.
        message: String,
    },
    /// The namespace is being deleted.
    #[error("{target}: its namespace is being deleted")]
    Terminating {
        /// Operation and object.
        target: String,
    },
    /// The server did not respond in time. The write may have happened.
    #[error("{target}: no response within {seconds} s; the write may have happened")]
    TimedOut {
        /// Operation and object.
        target: String,
        /// The timeout.
        seconds: u64,
    },
    /// The server failed.
    #[error("{target}: the server failed with {code}: {message}")]
    Server {
        /// Operation and object.
        target: String,
        /// The HTTP status.
        code: u16,
        /// The message of the server.
        message: String,
    },
    /// The server was not reached, or its response was not readable.
    #[error("{target}: {message}")]
    Unreachable {
        /// Operation and object.
        target: String,
        /// The error_chain of causes.
        message: String,
    },
    /// The object cannot be sent, for example because it has no name: a defect of the caller.
    #[error("{target}: the object cannot be sent: {message}")]
    Malformed {
        /// Operation and object.
        target: String,
        /// The defect.
        message: String,
    },
}

impl WriteError {
    /// Returns the class, which decides when to retry.
    #[must_use]
    pub const fn class(&self) -> ErrorClass {
        match self {
            Self::AlreadyExists { .. } | Self::Conflict { .. } => ErrorClass::Conflict,
            Self::Forbidden { .. } | Self::Unauthorized { .. } => ErrorClass::Forbidden,
            Self::Invalid { .. } | Self::Malformed { .. } => ErrorClass::Invalid,
            Self::NotFound { .. } => ErrorClass::NotFound,
            Self::Terminating { .. } => ErrorClass::Gone,
            Self::TimedOut { .. } | Self::Server { .. } | Self::Unreachable { .. } => ErrorClass::Transient,
        }
    }

    /// Classifies an error of the client.
    pub(super) fn from_kube(target: String, error: &Error) -> Self {
        match error {
            Error::Api(status) => Self::from_status(target, status),
            Error::SerdeError(_) | Error::BuildRequest(_) => Self::Malformed { target, message: error_chain(error) },
            _ => Self::Unreachable { target, message: error_chain(error) },
        }
    }

    fn from_status(target: String, status: &Status) -> Self {
        let message = status.message.clone();
        match (status.reason.as_str(), status.code) {
            ("AlreadyExists", _) => Self::AlreadyExists { target },
            (_, 401) => Self::Unauthorized { target, message },
            (_, 403) if is_terminating(status) => Self::Terminating { target },
            (_, 403) => Self::Forbidden { target, message },
            (_, 404) => Self::NotFound { target, message },
            (_, 409) => Self::Conflict { target, message },
            (_, 400 | 413 | 415 | 422) => Self::Invalid { target, message },
            (_, code) => Self::Server { target, code, message },
        }
    }
}

/// True if the namespace is being deleted. The server then responds to a create with "forbidden", although no right
/// is missing.
fn is_terminating(status: &Status) -> bool {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    causes.into_iter().any(|cause| cause.reason == "NamespaceTerminating")
}

/// Returns the messages of an error and its causes. The outermost message of a client error rarely contains the cause.
pub(super) fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class_of(code: u16, reason: &str) -> ErrorClass {
        let status = Status::failure("message of the server", reason).with_code(code);
        WriteError::from_kube("apply Pod a/b".into(), &Error::Api(status.boxed())).class()
    }

    #[test]
    fn statuses_have_classes() {
        let table = [
            (400, "BadRequest", ErrorClass::Invalid),
            (401, "Unauthorized", ErrorClass::Forbidden),
            (403, "Forbidden", ErrorClass::Forbidden),
            (404, "NotFound", ErrorClass::NotFound),
            (409, "AlreadyExists", ErrorClass::Conflict),
            (409, "Conflict", ErrorClass::Conflict),
            (413, "RequestEntityTooLarge", ErrorClass::Invalid),
            (422, "Invalid", ErrorClass::Invalid),
            (429, "TooManyRequests", ErrorClass::Transient),
            (500, "InternalError", ErrorClass::Transient),
            (503, "ServiceUnavailable", ErrorClass::Transient),
            (504, "Timeout", ErrorClass::Transient),
        ];
        for (code, reason, class) in table {
            assert_eq!(class_of(code, reason), class, "{code} {reason}");
        }
    }

    #[test]
    fn a_namespace_being_deleted_is_not_a_missing_right() {
        let status: Status = serde_json::from_value(serde_json::json!({
            "status": "Failure", "code": 403, "reason": "Forbidden", "message": "unable to create new content",
            "details": {"causes": [{"reason": "NamespaceTerminating", "message": "namespace x is being terminated"}]}
        }))
        .expect("a status");
        let error = WriteError::from_kube("create Job x/y".into(), &Error::Api(status.boxed()));
        assert_eq!(error.class(), ErrorClass::Gone);
        assert_eq!(error.to_string(), "create Job x/y: its namespace is being deleted");
    }

    #[test]
    fn a_rejection_contains_the_message_of_the_server() {
        let status = Status::failure("spec.replicas: Invalid value: -1", "Invalid").with_code(422);
        let error = WriteError::from_kube("apply Deployment a/b".into(), &Error::Api(status.boxed()));
        assert_eq!(
            error.to_string(),
            "apply Deployment a/b: the server rejected the object: spec.replicas: Invalid value: -1"
        );
    }
}
