//! Any bytes as the kernel image at the start of a boot partition: how long it is, whether it is whole, which release it names.
#![no_main]

use boot_selector::{ImageDefect, check_image, image_length};
use fuzz::input::Input;
use fuzz::limits;
use signpost::Release;

/// The longest text of a section, twice.
const MEMORY: usize = 512 << 10;

fuzz::target!(|input| {
    let mut input = Input(input);
    let more = u64::from(input.short());
    let image = input.0;
    let limit = image.len() as u64 + more;
    let mut asked = false;
    let length = limits::within(0, || {
        image_length::<ImageDefect>(image, limit, |place| {
            asked = true;
            assert!(place + 4 <= limit);
            let start = usize::try_from(place).unwrap().min(image.len());
            Ok(image[start..].first_chunk().copied().unwrap_or_default())
        })
    });
    if let Ok(length) = length {
        assert!(length <= limit);
        let whole = &image[..usize::try_from(length).unwrap().min(image.len())];
        let _ = check_image(whole);
        sum(whole);
    }
    let release = limits::within(MEMORY, || Release::of_image(image));
    for text in release.iter().flat_map(|it| [Some(&it.version), it.variant.as_ref()]).flatten() {
        assert!(!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()));
    }
});

/// An image with the checksum that its bytes give is whole, and not with one bit more.
fn sum(image: &[u8]) {
    let mut image = image.to_vec();
    let start = image.get(0x3C..).and_then(|rest| rest.first_chunk()).copied();
    let place = u32::from_le_bytes(start.unwrap_or_default()) as usize + 24 + 64;
    if !place.is_multiple_of(2) || image.len() < place + 4 {
        return;
    }
    image[place..place + 4].fill(1);
    let Err(ImageDefect::Checksum { computed, .. }) = check_image(&image) else { return };
    image[place..place + 4].copy_from_slice(&computed.to_le_bytes());
    assert_eq!(check_image(&image), Ok(()));
    image[place] ^= 1;
    assert!(check_image(&image).is_err());
}
