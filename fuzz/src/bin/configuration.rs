//! Any text as updog.toml: refused without giving a password away, or settings that are in their limits.
#![no_main]

use std::path::Path;

use fuzz::limits;
use updog::config::Settings;

/// What stands for a password in the seeds.
const SECRET: &str = "hunter2";

fuzz::target!(|input| {
    let Ok(text) = str::from_utf8(input) else { return };
    let memory = (512 << 10) + 1000 * text.len();
    match limits::within(memory, || Settings::parse(text, Path::new("/etc/updog.toml"))) {
        Ok(settings) => check(&settings),
        Err(error) => {
            // In another place than an address, nothing says that it is one.
            let is_address = |line: &str| line.contains("_base_url") || line.contains("proxy");
            let elsewhere = text.lines().any(|line| line.contains(SECRET) && !is_address(line));
            assert!(elsewhere || !error.to_string().contains(&format!(":{SECRET}@")), "{error}");
        }
    }
});

fn check(settings: &Settings) {
    assert!(!settings.sources.is_empty() && !settings.restart_command.is_empty());
    for address in settings.sources.iter().flat_map(|source| [&source.metadata, &source.targets]) {
        let url = address.url();
        assert!(url.path().ends_with('/') && url.query().is_none() && url.fragment().is_none());
        assert!(["http", "https", "file"].contains(&url.scheme()));
        let shown = address.to_string().parse::<url::Url>().expect("it is an address");
        assert!(shown.username().is_empty() && shown.password().is_none());
    }
    assert!(settings.tries.value() > 0);
    assert!((1..=3600).contains(&settings.network.idle_timeout.as_secs()));
    assert!(settings.limits.memory.0 >= 48 << 20);
    assert!(settings.paths.state.is_absolute() && settings.paths.root.is_absolute());
}
