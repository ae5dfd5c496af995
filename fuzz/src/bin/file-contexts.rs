//! Any text as the file contexts of a policy: the line that is refused is named, or every path has a label or none.
#![no_main]

use fuzz::input::Input;
use image_builder::selinux::{FileContexts, FileType};

fuzz::target!(|input| {
    let mut input = Input(input);
    let length = usize::from(input.byte());
    let path = [b"/", input.bytes(length)].concat();
    let Ok(text) = str::from_utf8(input.0) else { return };
    let mut contexts = FileContexts::default();
    match contexts.add_lines(text) {
        Err((number, _)) => assert!((1..=text.lines().count()).contains(&number)),
        Ok(()) => {
            for path in [path.as_slice(), b"/", b"/usr/lib/modules", b"/etc/a.conf"] {
                let label = contexts.label(path, FileType::Regular);
                assert!(label.is_none_or(|label| text.contains(label.as_str())));
            }
        }
    }
});
