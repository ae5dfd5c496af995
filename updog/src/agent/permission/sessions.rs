//! Who is logged in, as systemd's logind says.

use std::path::Path;
use std::process::{Command, Stdio};

/// The people who are logged in, in words; nobody where there is no logind.
pub(super) fn people(loginctl: &Path) -> Option<String> {
    let list = said(loginctl, &["list-sessions", "--no-legend", "--no-pager"])?;
    let people: Vec<String> = ids(&list).filter_map(|id| person(loginctl, id)).collect();
    in_words(people)
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
    of_session(&said(loginctl, &fields)?)
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

fn said(program: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
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
        assert_eq!(people(Path::new("/nonexistent/loginctl")), None);
    }
}
