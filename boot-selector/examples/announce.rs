//! Stands in for a kernel image in tests: says which image it is and what the selector left for userland, then does as it
//! was ordered. The order lies in the image itself, where the test writes it.

#![cfg_attr(target_os = "uefi", no_std, no_main)]

#[cfg(target_os = "uefi")]
extern crate alloc;

#[cfg(target_os = "uefi")]
mod program {
    use core::hint::black_box;

    use alloc::string::String;
    use boot_selector::Variable;
    use uefi::runtime::{ResetType, VariableVendor, get_variable, get_variable_boxed, reset};
    use uefi::{CString16, Guid, Status, cstr16, entry, println};

    /// Replaced by tests from the first space on: `restart LABEL` or `give-up LABEL`.
    static ORDER: [u8; 64] = *b"waystone-test-order: restart unnamed                            ";

    #[entry]
    fn main() -> Status {
        let order = String::from_utf8_lossy(black_box(&ORDER)).into_owned();
        let mut words = order.split_ascii_whitespace().skip(1);
        let (deed, label) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        println!("announce: image {label} set {}", variable(Variable::BootedSet));
        for line in variable(Variable::BootReason).lines() {
            println!("announce: {line}");
        }
        println!("announce: SecureBoot={}", secure_boot());
        match deed {
            "give-up" => Status::ABORTED,
            "come-back" => Status::SUCCESS,
            _ => {
                println!("announce: done");
                reset(ResetType::COLD, Status::SUCCESS, None)
            }
        }
    }

    fn variable(variable: Variable) -> String {
        let name = CString16::try_from(variable.name()).expect("names of variables are ASCII");
        let vendor = VariableVendor(Guid::parse_or_panic(Variable::VENDOR));
        match get_variable_boxed(&name, &vendor) {
            Ok((text, _)) => String::from_utf8_lossy(&text).into_owned(),
            Err(error) => alloc::format!("({})", error.status()),
        }
    }

    /// Whether the firmware checks signatures (UEFI 2.10, 3.3): 1 if it does.
    fn secure_boot() -> u8 {
        let mut value = [0];
        let name = cstr16!("SecureBoot");
        let found = get_variable(name, &VariableVendor::GLOBAL_VARIABLE, &mut value);
        found.ok().and_then(|(bytes, _)| bytes.first().copied()).unwrap_or(0)
    }

    #[panic_handler]
    fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
        println!("announce: {info}");
        reset(ResetType::COLD, Status::ABORTED, None)
    }
}

/// Does nothing where there is no firmware.
#[cfg(not(target_os = "uefi"))]
fn main() {}
