//! Hexadecimal encoding of bytes, two digits each, as used for hashes in files and results.

/// Encodes bytes as lower-case hexadecimal digits.
///
/// ```
/// assert_eq!(lb_core::hex::encode([0x00, 0xa5, 0xff]), "00a5ff");
/// ```
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let bytes = bytes.as_ref();
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 0xf)]));
    }
    text
}
