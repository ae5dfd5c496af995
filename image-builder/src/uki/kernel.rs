//! What a kernel says of itself.

/// The release of an x86 kernel (`uname -r`), from its boot header; other kernels have none.
///
/// Linux' `Documentation/arch/x86/boot.rst`: at 0x202 `HdrS`, at 0x20e the place of a text, less 0x200, whose first
/// word is the release.
pub(crate) fn release(kernel: &[u8]) -> Option<String> {
    if kernel.get(0x202..0x206)? != b"HdrS" {
        return None;
    }
    let place = u16::from_le_bytes(kernel.get(0x20e..0x210)?.try_into().ok()?);
    let text = kernel.get(0x200 + usize::from(place)..)?;
    let word: Vec<u8> = text.iter().copied().take(128).take_while(u8::is_ascii_graphic).collect();
    String::from_utf8(word).ok().filter(|word| place != 0 && !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_is_the_first_word() {
        let mut kernel = vec![0; 0x400];
        assert_eq!(release(&kernel), None);
        kernel[0x202..0x206].copy_from_slice(b"HdrS");
        assert_eq!(release(&kernel), None);
        kernel[0x20e..0x210].copy_from_slice(&0x100_u16.to_le_bytes());
        kernel[0x300..0x310].copy_from_slice(b"6.1.0-50 (x@y) #");
        assert_eq!(release(&kernel).as_deref(), Some("6.1.0-50"));
        kernel[0x20e..0x210].copy_from_slice(&[0xff; 2]);
        assert_eq!(release(&kernel), None);
    }
}
