//! Stable hashes of texts: equal for equal input on every machine and in every release. Not cryptographic.

/// Number of characters of a [`short_hash`].
pub const SHORT_HASH_LENGTH: usize = 5;

/// Number of characters of a [`long_hash`].
pub const LONG_HASH_LENGTH: usize = 12;

/// 32 characters for five bits each, without those that are easily misread.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Returns 64 bits that represent a text: FNV-1a, then a final mix.
#[must_use]
pub fn number(text: &str) -> u64 {
    mix(fnv1a_64(text.as_bytes()))
}

/// Returns five characters that represent a text: 25 bits of its [`number`].
#[must_use]
pub fn short_hash(text: &str) -> String {
    encode(number(text), SHORT_HASH_LENGTH)
}

/// Returns twelve characters that represent a text: 60 bits of its [`number`]. For texts with no other distinction.
#[must_use]
pub fn long_hash(text: &str) -> String {
    encode(number(text), LONG_HASH_LENGTH)
}

/// Returns 128 bits that represent a text, in 32 hexadecimal digits: FNV-1a.
#[must_use]
pub fn digest(text: &str) -> String {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let hash = text.bytes().fold(OFFSET, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME));
    format!("{hash:032x}")
}

fn fnv1a_64(bytes: &[u8]) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    bytes.iter().fold(OFFSET, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME))
}

/// The finishing step of `MurmurHash3`. The low bits of FNV alone depend too little on the last characters.
fn mix(mut hash: u64) -> u64 {
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

fn encode(mut hash: u64, length: usize) -> String {
    let mut characters = String::with_capacity(length);
    for _ in 0..length {
        // The mask keeps the index below the alphabet's 32 characters.
        #[allow(clippy::cast_possible_truncation)]
        let index = (hash & 31) as usize;
        characters.push(char::from(ALPHABET[index]));
        hash >>= 5;
    }
    characters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_never_change() {
        assert_eq!(long_hash("attribute:a exists"), "4bfrm2wcjaju", "labels of nodes contain it");
        assert!(long_hash("a").starts_with(&short_hash("a")));
        assert_eq!(digest(""), "6c62272e07bb014262b821756295c58d");
    }
}
