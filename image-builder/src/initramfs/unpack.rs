//! Kernel modules as distributions compress them.
//!
//! Some kernels could load them compressed, others cannot; and the whole is compressed better than its parts.

use std::io::{self, Cursor, Read, Write};

use flate2::read::MultiGzDecoder;

/// No module is as large; what unpacks to more is not one.
const MAX: usize = 256 << 20;

/// What a module's file name ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    /// `.ko`
    Plain,
    /// `.ko.gz`
    Gzip,
    /// `.ko.xz`
    Xz,
    /// `.ko.zst`
    Zstd,
}

impl Packing {
    /// The name of a module and how it is packed, by the name of its file.
    pub(super) fn of(file: &str) -> Option<(&str, Self)> {
        let endings = [
            (".ko", Self::Plain),
            (".ko.gz", Self::Gzip),
            (".ko.xz", Self::Xz),
            (".ko.zst", Self::Zstd),
        ];
        endings.into_iter().find_map(|(end, packing)| Some((file.strip_suffix(end)?, packing)))
    }

    /// The bytes of the module itself.
    pub(super) fn unpack(self, packed: Vec<u8>) -> io::Result<Vec<u8>> {
        match self {
            Self::Plain => Ok(packed),
            Self::Gzip => read(MultiGzDecoder::new(Cursor::new(packed))),
            Self::Zstd => read(zstd::Decoder::new(Cursor::new(packed))?),
            Self::Xz => {
                let mut bytes = Limited(Vec::new());
                lzma_rs::xz_decompress(&mut Cursor::new(packed), &mut bytes)
                    .map_err(|error| invalid(error.into()))?;
                Ok(bytes.0)
            }
        }
    }
}

fn read(mut unpacker: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Limited(Vec::new());
    io::copy(&mut unpacker, &mut bytes)?;
    Ok(bytes.0)
}

fn invalid(cause: Box<dyn std::error::Error + Send + Sync>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, cause)
}

/// Bytes, no more than a module has.
struct Limited(Vec<u8>);

impl Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX {
            return Err(invalid("it is too large for a module".into()));
        }
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// `printf module` through `gzip -9n`, `xz`, `xz --check=crc32 --lzma2=dict=1MiB` (as kernels are built), `zstd -19 --check`.
    const PACKED: [(Packing, &str); 4] = [
        (Packing::Gzip, "1f8b0800000000000203cbcd4f29cd4905002826240c06000000"),
        (
            Packing::Xz,
            "fd377a585a000004e6d6b4460200210116000000742fe5a30100056d6f64756c650000003450330772fc7cbd\
             00011e06c12fa41d1fb6f37d010000000004595a",
        ),
        (
            Packing::Xz,
            "fd377a585a0000016922de360200210110000000a8708e860100056d6f64756c650000002826240c00011a06\
             c5eac8799042990d010000000001595a",
        ),
        (Packing::Zstd, "28b52ffd04683100006d6f64756c655d89a98d"),
    ];

    #[test]
    fn names_end_as_they_are_packed() {
        assert_eq!(Packing::of("dm-mod.ko"), Some(("dm-mod", Packing::Plain)));
        assert_eq!(Packing::of("dm-mod.ko.zst"), Some(("dm-mod", Packing::Zstd)));
        assert_eq!(Packing::of("dm-mod.ko.lz4"), None);
    }

    #[test]
    fn what_tools_packed_is_unpacked() {
        for (packing, hex) in PACKED {
            assert_eq!(packing.unpack(hex::decode(hex).unwrap()).unwrap(), b"module");
        }
    }

    #[test]
    fn damaged_and_cut_modules_are_refused() {
        for (packing, hex) in PACKED {
            let good = hex::decode(hex).unwrap();
            assert!(packing.unpack(good[..good.len() - 3].to_vec()).is_err(), "{packing:?} cut");
            let mut flipped = good;
            let middle = flipped.len() / 2;
            flipped[middle] ^= 0xff;
            assert!(packing.unpack(flipped).is_err(), "{packing:?} flipped");
        }
    }
}
