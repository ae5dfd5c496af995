#!/bin/sh
# Makes sgdisk.bin again: the first seven blocks (MBR, header, entries that are used) and the last block (backup header) of a
# 48 MiB disk that sgdisk laid out as Bottlerocket does. The remaining entries are zero, and the backup entries are the same.
set -eu
disk=$(mktemp) && truncate -s 48M "$disk"
sgdisk --clear --disk-guid=0D15C000-0000-4000-8000-0000000000D1 "$disk"
n=0
part() { # type, size, label, attributes to set
    n=$((n + 1))
    sgdisk --new=$n:0:+"$2" --typecode=$n:"$1" --change-name=$n:"$3" \
        --partition-guid=$n:$(printf '0D15C000-0000-4000-8000-%012X' $n) "$disk"
    for bit in $4; do sgdisk --attributes=$n:set:"$bit" "$disk"; done
}
part 21686148-6449-6e6f-744e-656564454649 1M BIOS-BOOT ""
part c12a7328-f81f-11d2-ba4b-00a0c93ec93b 2M EFI-SYSTEM ""
part 6b636168-7420-6568-2070-6c616e657421 4M BOTTLEROCKET-BOOT-A "2 48 56"
part 5526016a-1a97-4ea4-b39a-b7c8c6ca4502 8M BOTTLEROCKET-ROOT-A ""
part 598f10af-c955-4456-6a99-7720068a6cea 1M BOTTLEROCKET-HASH-A ""
part 0c5d99a5-d331-4147-baef-08e2b855bdc9 1M BOTTLEROCKET-RESERVED-A ""
part b39ce39c-0a00-b4ab-2d11-f18f8237a21c 2M EFI-BACKUP ""
part 6b636168-7420-6568-2070-6c616e657421 4M BOTTLEROCKET-BOOT-B "49 52 53"
part 5526016a-1a97-4ea4-b39a-b7c8c6ca4502 8M BOTTLEROCKET-ROOT-B ""
part 598f10af-c955-4456-6a99-7720068a6cea 1M BOTTLEROCKET-HASH-B ""
part 0c5d99a5-d331-4147-baef-08e2b855bdc9 1M BOTTLEROCKET-RESERVED-B ""
part 440408bb-eb0b-4328-a6e5-a29038fad706 2M BOTTLEROCKET-PRIVATE "57"
part 626f7474-6c65-6474-6861-726d61726b73 2M BOTTLEROCKET-DATA ""
{ dd if="$disk" bs=512 count=7; dd if="$disk" bs=512 skip=98303; } 2>/dev/null > "$(dirname "$0")/sgdisk.bin"
rm "$disk"
