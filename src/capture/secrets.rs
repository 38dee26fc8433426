//! Keys that captures carry, on their way to the layers that decrypt.

use std::fmt;
use std::mem;

use super::error::Problem;

/// Keys that came with the packets, in a pcapng Decryption Secrets Block
/// (draft-ietf-opsawg-pcapng §4.7).
#[derive(Clone, PartialEq, Eq)]
pub struct DecryptionSecrets {
    /// What the keys are for and how they are written; [`Self::TLS_KEY_LOG`] for one.
    pub secrets_type: u32,
    /// The keys.
    pub data: Vec<u8>,
}

impl DecryptionSecrets {
    /// Lines in the format of TLS key log files (`SSLKEYLOGFILE`).
    pub const TLS_KEY_LOG: u32 = 0x544c_534b;
}

impl fmt::Debug for DecryptionSecrets {
    /// Without the keys: debug output ends up in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecryptionSecrets")
            .field("secrets_type", &format_args!("{:#x}", self.secrets_type))
            .field("data", &format_args!("{} bytes", self.data.len()))
            .finish()
    }
}

/// Secrets that were read and not taken yet.
#[derive(Default)]
pub(super) struct PendingSecrets {
    secrets: Vec<DecryptionSecrets>,
    /// Bytes they hold, as [`MAX_PENDING_LEN`] counts.
    len: usize,
}

impl PendingSecrets {
    /// Keeps a copy of `data`.
    ///
    /// # Errors
    ///
    /// [`Problem::TooManySecrets`] when there is no room for it.
    pub(super) fn push(&mut self, secrets_type: u32, data: &[u8]) -> Result<(), Problem> {
        let len = self.len + data.len() + mem::size_of::<DecryptionSecrets>();
        if len > MAX_PENDING_LEN {
            return Err(Problem::TooManySecrets {
                len: data.len(),
                limit: MAX_PENDING_LEN,
            });
        }
        self.len = len;
        self.secrets.push(DecryptionSecrets {
            secrets_type,
            data: data.to_vec(),
        });
        Ok(())
    }

    /// Hands out all of them.
    pub(super) fn take(&mut self) -> Vec<DecryptionSecrets> {
        self.len = 0;
        mem::take(&mut self.secrets)
    }
}

/// Bytes of secrets kept until they are taken: 64 MiB, hundreds of thousands of TLS
/// sessions. Each block counts with what it takes to keep it, so that many small ones
/// have a limit too. What comes beyond is left out and said
/// ([`Problem::TooManySecrets`]).
pub(super) const MAX_PENDING_LEN: usize = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_again_after_secrets_were_taken() {
        let mut pending = PendingSecrets::default();
        let half = vec![b'k'; MAX_PENDING_LEN / 2 - 100];
        assert!(pending.push(1, &half).is_ok());
        assert!(pending.push(2, &half).is_ok());
        assert!(matches!(
            pending.push(3, &[0; 200]),
            Err(Problem::TooManySecrets {
                len: 200,
                limit: MAX_PENDING_LEN
            })
        ));
        let taken: Vec<u32> = pending
            .take()
            .iter()
            .map(|secrets| secrets.secrets_type)
            .collect();
        assert_eq!(taken, [1, 2]);
        assert!(pending.push(3, &[0; 200]).is_ok());
    }

    #[test]
    fn empty_secrets_have_a_limit_too() {
        let mut pending = PendingSecrets::default();
        let kept = (0..10_000_000)
            .take_while(|_| pending.push(1, b"").is_ok())
            .count();
        assert!(kept < 3_000_000, "{kept}");
    }

    #[test]
    fn debug_output_does_not_show_keys() {
        let secrets = DecryptionSecrets {
            secrets_type: 1,
            data: b"key".to_vec(),
        };
        assert_eq!(
            format!("{secrets:?}"),
            "DecryptionSecrets { secrets_type: 0x1, data: 3 bytes }"
        );
    }
}
