//! What kind of failure something was, which decides when to try again.

/// The classes of failure a reconcile or a write can end with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Somebody else changed or created the object first: look again, then decide anew.
    Conflict,
    /// The server or the way to it had a bad moment: the same request may succeed later.
    Transient,
    /// The operator lacks a right; only an administrator can change that.
    Forbidden,
    /// The object was refused for what it says; trying again unchanged is pointless.
    Invalid,
    /// Something the request needs is not there: the object, its namespace or its kind.
    NotFound,
    /// The place to write to is going away, such as a namespace being deleted.
    Gone,
    /// The work did not finish within its deadline.
    Timeout,
    /// The code itself failed.
    Panic,
}

impl Class {
    /// The class as it appears in metric labels.
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
