#!/usr/bin/env bash
# Makes the root folder of the container image: `assemble.sh PROGRAM ROOT`.
# PROGRAM is a built `bench`; ROOT is created, and must be missing or empty. What it gets is all that an image needs and
# nothing else: the program, the libraries that it is linked with, certificates of authorities, names of users, the
# folders to write into, and licences. There is no shell. The Containerfile copies ROOT as the only layer of the last
# stage, and the tests run the same folder in a sandbox.
set -euo pipefail

if [ "$#" -ne 2 ]; then
    echo "assemble.sh: two arguments are needed; use \`assemble.sh target/release/bench image\`" >&2
    exit 2
fi
program=$1
root=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

if [ ! -f "$program" ]; then
    echo "assemble.sh: there is no program \`$program\`; build it with \`cargo build --release --locked --bin bench\`" >&2
    exit 2
fi
if [ -e "$root" ] && [ -n "$(ls -A "$root")" ]; then
    echo "assemble.sh: \`$root\` is not empty; name a new folder" >&2
    exit 2
fi

umask 022
# Mount points of folders and files exist, since the root may be mounted read-only.
mkdir -p "$root"/{dev,etc/ssl/certs,proc,run,sys,usr/local/bin,usr/share/doc/bench}
# Whoever the container runs as may write there: user 1000, or the user that an orchestrator chooses.
mkdir "$root"/{results,tmp}
chmod 1777 "$root"/{results,tmp}
touch "$root"/etc/{hostname,hosts,resolv.conf}

install -m 755 "$program" "$root/usr/local/bin/bench"

# The loader and the libraries keep their paths, which the loader knows.
libraries=$(ldd "$program" | sed -n -E 's|^[^/]*(/[^ ]+) \(0x[0-9a-f]+\)$|\1|p')
for library in $libraries; do
    install -D -m 755 "$library" "$root$library"
done

authorities=/etc/ssl/certs/ca-certificates.crt
if [ -f "$authorities" ]; then
    install -m 644 "$authorities" "$root$authorities"
else
    echo "assemble.sh: there is no $authorities; https needs \`--ca\` in this image" >&2
fi

printf '%s\n' 'root:x:0:0:root:/:/nonexistent' 'bench:x:1000:1000:bench:/results:/nonexistent' >"$root/etc/passwd"
printf '%s\n' 'root:x:0:' 'bench:x:1000:' >"$root/etc/group"
# Names of /etc/hosts go before those of the network.
printf '%s\n' 'hosts: files dns' >"$root/etc/nsswitch.conf"

for licence in "$here"/LICENSE-*; do
    install -m 644 "$licence" "$root/usr/share/doc/bench/"
done
for package in libc6 libgcc-s1 ca-certificates; do
    if [ -f "/usr/share/doc/$package/copyright" ]; then
        install -D -m 644 "/usr/share/doc/$package/copyright" "$root/usr/share/doc/$package/copyright"
    fi
done
