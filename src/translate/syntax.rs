//! What Kubernetes takes for a name, a key or an address. What it does not take is told before the server refuses it.

// Addresses alone, without the sockets of `std`.
use core::net::IpAddr;

/// An RFC 1123 label: at most 63 of a-z, 0-9 and `-`.
pub(super) fn is_label(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&text.len()) && text.bytes().all(allowed) && !text.starts_with('-') && !text.ends_with('-')
}

/// An RFC 1123 subdomain: labels with dots between them.
pub(super) fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_label)
}

/// An IP address in its usual form.
pub(super) fn is_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

/// The part of a label's or an annotation's key after the prefix.
pub(super) fn is_key(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let ends = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    bytes.len() <= 63 && bytes.iter().copied().all(allowed) && ends(bytes.first()) && ends(bytes.last())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keys_and_addresses_are_those_the_server_takes() {
        let long = "a".repeat(64);
        for name in ["a", "web-1", "0", &long[1..]] {
            assert!(is_label(name) && is_subdomain(name) && is_key(name), "{name}");
        }
        for name in ["", "-a", "a-", "A", "a_b", "a b", "ä", &long] {
            assert!(!is_label(name) && !is_subdomain(name), "{name}");
        }
        assert!(is_subdomain("a.b.example") && !is_label("a.b") && !is_subdomain("a..b") && !is_subdomain("a."));
        assert!(is_key("com.example.Some_Key-1") && !is_key("a/b") && !is_key(".a") && !is_key(""));
        assert!(is_address("192.0.2.1") && is_address("2001:db8::1"));
        assert!(!is_address("host-gateway") && !is_address("1") && !is_address("192.0.2.01"));
    }
}
