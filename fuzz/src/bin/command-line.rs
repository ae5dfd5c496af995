//! Any text as the kernel's command line: refused, or what the initial RAM filesystem does with it is possible.
#![no_main]

use fuzz::limits;
use initramfs::command_line::CommandLine;
use initramfs::kernel_table::KernelTable;
use verity::BootParameter;

fuzz::target!(|input| {
    let Ok(text) = str::from_utf8(input) else { return };
    if let Ok(Some(parameter)) = BootParameter::in_command_line(text) {
        assert_eq!(parameter.to_string().parse(), Ok(parameter));
    }
    let read = limits::within((4 << 10) + 40 * text.len(), || text.parse::<CommandLine>());
    let Ok(line) = read else { return };
    assert_eq!(line.verity.to_string().parse(), Ok(line.verity.clone()));
    assert!(line.init.is_absolute());
    assert!(line.watchdog.is_none_or(|seconds| (1..=65535).contains(&seconds)));
    let number = "259:1".parse().expect("it is a device's");
    if let Ok(table) = KernelTable::new(&line.verity, number, number) {
        assert_eq!(table.sectors / 8, line.verity.data_blocks);
        assert_eq!(table.parameters.split(' ').count(), 13);
    }
});
