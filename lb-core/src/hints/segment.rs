//! Which segments of a path vary from request to request, as ids do. The load balancer leaves them out of route classes,
//! and they are hints of their own (`path.N`).

/// Most digits at the end of a fixed segment, such as `v2`, `oauth2`, `page12`.
const DIGITS_OF_A_NAME: usize = 2;

/// Returns whether a segment of a path counts as variable.
///
/// A segment with a digit does (`42`, `7f9c…`, `LAPTOP-001`), unless it is letters followed by one or two digits, as
/// versions and names are (`v2`, `oauth2`).
pub fn is_variable(segment: &str) -> bool {
    varies(segment.as_bytes())
}

pub(super) fn varies(bytes: &[u8]) -> bool {
    let Some(first) = bytes.iter().position(u8::is_ascii_digit) else {
        return false;
    };
    let (letters, rest) = bytes.split_at(first);
    let is_name = !letters.is_empty()
        && letters.iter().all(u8::is_ascii_alphabetic)
        && rest.len() <= DIGITS_OF_A_NAME
        && rest.iter().all(u8::is_ascii_digit);
    !is_name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_with_numbers_are_variable_and_names_with_a_digit_are_not() {
        for variable in ["7", "42", "LAPTOP-001", "user_7", "0PUK6V6EV0", "2fa", "item123", "a1b"] {
            assert!(is_variable(variable), "{variable} differs from request to request");
        }
        assert!(is_variable("7f9c24e5-2c66-4b1e-9d2b-0a4f9f6f2a11"), "so does a UUID");
        for fixed in ["", "api", "v1", "v12", "oauth2", "cart-service", "hold"] {
            assert!(!is_variable(fixed), "{fixed} is part of the route");
        }
    }
}
