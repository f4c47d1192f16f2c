//! The form of the table of errors.

/// Declares the errors by their types: the summary, the code, the kind, the field and the time after which to repeat the call, then
/// the errors of this type with their texts.
macro_rules! errors {
    ($(
        #[doc = $summary:literal]
        $code:literal: $kind:ident $(, field $field:literal)? $(, retry $retry:expr)? => {
            $($(#[$meta:meta])* $variant:ident $(($($tuple:tt)*))? $({ $($named:tt)* })?,)+
        }
    )+) => {
        /// The reason why an operation did not succeed.
        ///
        /// After any error the store is as it was before, or it records what is to be recovered.
        #[derive(Debug, Clone, thiserror::Error)]
        #[non_exhaustive]
        pub enum Error {
            $($(
                #[doc = $summary]
                $(#[$meta])*
                $variant $(($($tuple)*))? $({ $($named)* })?,
            )+)+
            /// The database did not do what it was asked.
            #[error(transparent)]
            Store(#[from] StoreError),
        }

        impl Error {
            /// Every type that [`Error::error_type`] gives.
            pub const TYPES: &[ErrorType] = &[
                $(errors!(@type $summary, $code, $kind, [$($field)?], [$($retry)?]),)+
                DATABASE_UNAVAILABLE,
                DATABASE_FAILED,
            ];

            /// The type of the error.
            #[must_use]
            pub fn error_type(&self) -> &'static ErrorType {
                match self {
                    $($(Self::$variant { .. })|+ => const {
                        &errors!(@type $summary, $code, $kind, [$($field)?], [$($retry)?])
                    },)+
                    Self::Store(StoreError::Unavailable { .. }) => &DATABASE_UNAVAILABLE,
                    Self::Store(StoreError::Failed { .. }) => &DATABASE_FAILED,
                }
            }
        }
    };
    (@type $summary:literal, $code:literal, $kind:ident, [$($field:literal)?], [$($retry:expr)?]) => {
        ErrorType {
            code: $code,
            kind: ErrorKind::$kind,
            field: errors!(@option $($field)?),
            retry: errors!(@option $($retry)?),
            summary: $summary.trim_ascii_start(),
        }
    };
    (@option) => { None };
    (@option $value:expr) => { Some($value) };
}
pub(super) use errors;
