#!/bin/sh
# Says on the console how the system came up under SELinux, and gives its verdict.

# So that no line of the kernel's begins in the middle of one of ours; its log and journald have them all the same.
dmesg --console-level err

say() { echo "guest: $*" >/dev/console; }

# What the kernel denied since the start: from its own log, and from its audit records, which journald keeps.
denied() { journalctl --boot --no-pager --output=cat | grep --extended-regexp 'avc: +denied'; }

# The numbers of all audit events that were recorded. One that is missing was lost, and could have been a denial.
events() {
	journalctl --boot --no-pager --output=json --output-fields=_AUDIT_ID,MESSAGE |
		sed --quiet --regexp-extended \
			's/.*audit\([0-9.]+:([0-9]+)\).*/\1/p; s/.*"_AUDIT_ID":"([0-9]+)".*/\1/p' | sort --numeric-sort --unique
}

system=$(systemctl is-system-running --wait)
say "system: $system"
systemctl list-units --failed --plain --no-legend | while read -r line; do say "failed: $line"; done
mode=$(getenforce)
say "mode: $mode"
first=$(tr -d '\0' </proc/1/attr/current)
say "first program: $first"
say "service: $(selinuxexeccon /usr/bin/signpost "$first")"
journalctl --boot --unit=signpost-status --output=cat | while read -r line; do say "service said: $line"; done

denied | while read -r line; do say "denied: $line"; done
denials=$(denied | wc --lines)
events >/run/events
lost=$(($(tail --lines=1 /run/events) - $(wc --lines </run/events)))
say "denials: $denials; audit events: $(wc --lines </run/events), lost: $lost"

# What libselinux would label otherwise than the image does; and that it would tell, of a file with a wrong label.
restorecon -n -v -r -F -x / 2>&1 | cat >/run/relabelled
head --lines=20 /run/relabelled | while read -r line; do say "other label: $line"; done
others=$(wc --lines </run/relabelled)
: >/var/probe && chcon --type=tmp_t /var/probe
probed=$(restorecon -n -v -F /var/probe | wc --lines)
say "files: $(find / -xdev | wc --lines), with another label than libselinux gives: $others; a wrong one is told: $probed"

# So that no denial is known to mean none: one is provoked.
systemctl start signpost-shadow 2>/dev/null
denied | grep 'comm="signpost"' | while read -r line; do say "provoked: $line"; done

case "$system $mode $denials $lost $others $probed" in
	'running Enforcing 0 0 0 1') say 'verdict: enforcing, nothing denied' ;;
	*) say "verdict: $system, $mode, $denials denials, $lost lost, $others other labels, $probed of 1 told" ;;
esac
