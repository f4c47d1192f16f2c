//! Hashes that other services compute too, and that are stored as text.

/// Declares a hash of 32 hexadecimal digits in lower case. It has one form, because other programs compare it as text.
macro_rules! hex_hash {
    ($(#[$doc:meta])* $name:ident, $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl FromStr for $name {
            type Err = $crate::domain::Malformed;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let mut hash = [0; 16];
                let is_lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
                match hex::decode_to_slice(text, &mut hash) {
                    Ok(()) if is_lower => Ok(Self(hash)),
                    _ => Err($crate::domain::Malformed { expected: $expected }),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        serde_as_text!($name, $name::from_str);
    };
}

pub(crate) use hex_hash;
