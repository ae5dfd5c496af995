//! Who is logged in, as systemd's logind says.

use std::path::Path;
use std::process::{Command, Stdio};

/// The people who are logged in, in words. Where nobody can say who is, somebody may be.
pub(super) fn people(loginctl: &Path) -> Option<String> {
    match said(loginctl, &["list-sessions", "--no-legend", "--no-pager"]) {
        // One that has ended meanwhile is nobody's.
        Ok(list) => in_words(ids(&list).filter_map(|id| person(loginctl, id)).collect()),
        Err(why) => Some(format!(
            "who is logged in is not known: loginctl {why}; `while_logged_in = 'go'` does not ask"
        )),
    }
}

fn in_words(mut people: Vec<String>) -> Option<String> {
    people.sort();
    people.dedup();
    match people.as_slice() {
        [] => None,
        [one] => Some(format!("{one} is logged in")),
        many => Some(format!("{} are logged in", many.join(", "))),
    }
}

/// The first word of each line; whatever looks like an option is none.
fn ids(list: &str) -> impl Iterator<Item = &str> {
    let words = list.lines().filter_map(|line| line.split_whitespace().next());
    words.filter(|id| id.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

fn person(loginctl: &Path, id: &str) -> Option<String> {
    let fields = ["show-session", id, "--property=Class", "--property=State", "--property=Name"];
    of_session(&said(loginctl, &fields).ok()?)
}

/// Whose session it is, if it is a person's that is not ending.
fn of_session(text: &str) -> Option<String> {
    let field = |name: &str| {
        text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).unwrap_or("")
    };
    // Greeters, lock screens, background jobs and managers of users are not people.
    let is_person = matches!(field("Class"), "user" | "user-early");
    (is_person && field("State") != "closing").then(|| field("Name").to_owned())
}

/// What it says, or how it fails.
fn said(program: &Path, arguments: &[&str]) -> Result<String, String> {
    let run = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let output = run.map_err(|error| format!("cannot be run: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rfind(|line| !line.trim().is_empty());
    Err(last.map_or_else(|| output.status.to_string(), |line| format!("says {line:?}")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn people_are_told_from_services_and_from_those_who_are_leaving() {
        let session =
            |class, state| of_session(&format!("Class={class}\nState={state}\nName=ada\n"));
        assert_eq!(session("user", "active").as_deref(), Some("ada"));
        assert_eq!(session("user", "online").as_deref(), Some("ada"));
        assert_eq!(session("user", "closing"), None);
        assert_eq!(session("manager", "active"), None);
        assert_eq!(session("greeter", "active"), None);
    }

    #[test]
    fn each_of_them_is_named_once() {
        let folder = tempfile::tempdir().unwrap();
        let loginctl = folder.path().join("loginctl");
        let script = "#!/bin/sh\n\
            case $1 in\n\
            list-sessions) echo '3 1000 ada seat0'; echo '--bad x'; echo 'c1 1001 bob -' ;;\n\
            show-session) case $2 in 3) n=ada ;; *) n=bob ;; esac\n\
            echo Class=user; echo State=active; echo Name=$n ;;\n\
            esac\n";
        fs::write(&loginctl, script).unwrap();
        fs::set_permissions(&loginctl, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(people(&loginctl).unwrap(), "ada, bob are logged in");
    }

    #[test]
    fn nobody_is_there_only_if_somebody_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let loginctl = folder.path().join("loginctl");
        let says = |script: &str| {
            fs::write(&loginctl, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&loginctl, fs::Permissions::from_mode(0o755)).unwrap();
            people(&loginctl)
        };
        assert_eq!(says("exit 0"), None);
        let unknown = says("echo 'Failed to connect to bus' >&2; exit 1").unwrap();
        assert!(unknown.contains("is not known") && unknown.contains("Failed to connect to bus"));
        let missing = people(Path::new("/nonexistent/loginctl")).unwrap();
        assert!(missing.contains("cannot be run"), "{missing}");
    }
}
