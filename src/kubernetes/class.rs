//! Classes of failures, which decide when to retry.

/// Class of a failed reconcile or write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// The object was changed or created by another client: read it and decide again.
    Conflict,
    /// The server failed or was not reached: the same request may succeed later.
    Transient,
    /// The operator lacks a right, which only an administrator can grant.
    Forbidden,
    /// The server rejected the content of the object: the same request would fail again.
    Invalid,
    /// The object, its namespace or its kind does not exist.
    NotFound,
    /// The namespace of the object is being deleted.
    Gone,
    /// The reconcile did not finish within its deadline.
    Timeout,
    /// The reconcile panicked.
    Panic,
}

impl ErrorClass {
    /// Returns the class as metric labels contain it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Conflict => "conflict",
            Self::Transient => "transient",
            Self::Forbidden => "forbidden",
            Self::Invalid => "invalid",
            Self::NotFound => "not_found",
            Self::Gone => "gone",
            Self::Timeout => "timeout",
            Self::Panic => "panic",
        }
    }
}
