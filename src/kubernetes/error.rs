//! Why a write failed, in words and as a class.

use kube::Error;
use kube::core::Status;

use super::class::Class;

/// Why a write failed. `target` names the operation and the object, as in `apply Deployment default/web`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// A create found the name taken: look again, the object may well be our own.
    #[error("{target}: it exists already; look again")]
    AlreadyExists {
        /// What was tried.
        target: String,
    },
    /// Somebody else was faster.
    #[error("{target}: somebody else changed it at the same time: {message}")]
    Conflict {
        /// What was tried.
        target: String,
        /// The server's words.
        message: String,
    },
    /// The operator lacks a right.
    #[error("{target}: the operator is not allowed to: {message}")]
    Forbidden {
        /// What was tried.
        target: String,
        /// The server's words, which name the user, the verb and the resource.
        message: String,
    },
    /// The server does not know who asks.
    #[error("{target}: the server does not accept the operator's credentials: {message}")]
    Unauthorized {
        /// What was tried.
        target: String,
        /// The server's words.
        message: String,
    },
    /// The object is not acceptable.
    #[error("{target}: the server refuses the object: {message}")]
    Invalid {
        /// What was tried.
        target: String,
        /// The server's words, which name the field.
        message: String,
    },
    /// The object, its namespace or its kind does not exist.
    #[error("{target}: not found: {message}")]
    NotFound {
        /// What was tried.
        target: String,
        /// The server's words, which name what is missing.
        message: String,
    },
    /// The namespace is being deleted.
    #[error("{target}: its namespace is being deleted")]
    Terminating {
        /// What was tried.
        target: String,
    },
    /// No answer in time. The write may have happened.
    #[error("{target}: no answer within {seconds} s; the write may have happened")]
    TimedOut {
        /// What was tried.
        target: String,
        /// How long the answer was waited for.
        seconds: u64,
    },
    /// The server answered with a failure of its own.
    #[error("{target}: the server failed with {code}: {message}")]
    Server {
        /// What was tried.
        target: String,
        /// The HTTP status.
        code: u16,
        /// The server's words.
        message: String,
    },
    /// The server was not reached, or its answer was not understood.
    #[error("{target}: {message}")]
    Unreachable {
        /// What was tried.
        target: String,
        /// The chain of causes.
        message: String,
    },
    /// The object cannot be sent, such as one without a name: a defect of the caller.
    #[error("{target}: the object cannot be sent: {message}")]
    Malformed {
        /// What was tried.
        target: String,
        /// What is wrong with it.
        message: String,
    },
}

impl WriteError {
    /// When to try again.
    #[must_use]
    pub const fn class(&self) -> Class {
        match self {
            Self::AlreadyExists { .. } | Self::Conflict { .. } => Class::Conflict,
            Self::Forbidden { .. } | Self::Unauthorized { .. } => Class::Forbidden,
            Self::Invalid { .. } | Self::Malformed { .. } => Class::Invalid,
            Self::NotFound { .. } => Class::NotFound,
            Self::Terminating { .. } => Class::Gone,
            Self::TimedOut { .. } | Self::Server { .. } | Self::Unreachable { .. } => Class::Transient,
        }
    }

    /// Tells from kube's error what happened to `target`.
    pub(super) fn from_kube(target: String, error: &Error) -> Self {
        match error {
            Error::Api(status) => Self::from_status(target, status),
            Error::SerdeError(_) | Error::BuildRequest(_) => Self::Malformed { target, message: chain(error) },
            _ => Self::Unreachable { target, message: chain(error) },
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

/// The server refuses to create in a dying namespace with "forbidden", which no right can cure.
fn is_terminating(status: &Status) -> bool {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    causes.into_iter().any(|cause| cause.reason == "NamespaceTerminating")
}

/// An error with all its causes; the outermost text of a client error rarely says what is wrong.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
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

    fn class_of(code: u16, reason: &str) -> Class {
        let status = Status::failure("words of the server", reason).with_code(code);
        WriteError::from_kube("apply Pod a/b".into(), &Error::Api(status.boxed())).class()
    }

    #[test]
    fn statuses_have_classes() {
        let table = [
            (400, "BadRequest", Class::Invalid),
            (401, "Unauthorized", Class::Forbidden),
            (403, "Forbidden", Class::Forbidden),
            (404, "NotFound", Class::NotFound),
            (409, "AlreadyExists", Class::Conflict),
            (409, "Conflict", Class::Conflict),
            (413, "RequestEntityTooLarge", Class::Invalid),
            (422, "Invalid", Class::Invalid),
            (429, "TooManyRequests", Class::Transient),
            (500, "InternalError", Class::Transient),
            (503, "ServiceUnavailable", Class::Transient),
            (504, "Timeout", Class::Transient),
        ];
        for (code, reason, class) in table {
            assert_eq!(class_of(code, reason), class, "{code} {reason}");
        }
    }

    #[test]
    fn a_dying_namespace_is_not_a_missing_right() {
        let status: Status = serde_json::from_value(serde_json::json!({
            "status": "Failure", "code": 403, "reason": "Forbidden", "message": "unable to create new content",
            "details": {"causes": [{"reason": "NamespaceTerminating", "message": "namespace x is being terminated"}]}
        }))
        .expect("a status");
        let error = WriteError::from_kube("create Job x/y".into(), &Error::Api(status.boxed()));
        assert_eq!(error.class(), Class::Gone);
        assert_eq!(error.to_string(), "create Job x/y: its namespace is being deleted");
    }

    #[test]
    fn refusals_keep_the_servers_words() {
        let status = Status::failure("spec.replicas: Invalid value: -1", "Invalid").with_code(422);
        let error = WriteError::from_kube("apply Deployment a/b".into(), &Error::Api(status.boxed()));
        assert_eq!(
            error.to_string(),
            "apply Deployment a/b: the server refuses the object: spec.replicas: Invalid value: -1"
        );
    }
}
