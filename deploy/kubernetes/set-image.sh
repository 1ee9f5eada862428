#!/usr/bin/env bash
# Says which image all overlays use: `set-image.sh NAME TAG`, such as `set-image.sh ghcr.io/example/bench 0.1.0`.
set -euo pipefail

if [ "$#" -ne 2 ]; then
    echo "set-image.sh: two arguments are needed; use \`set-image.sh ghcr.io/example/bench 0.1.0\`" >&2
    exit 2
fi
if [[ ! "$1" =~ ^[a-z0-9][a-z0-9._:/-]*$ ]]; then
    echo "set-image.sh: \`$1\` is not the name of an image; use one in lower case, such as \`ghcr.io/example/bench\`" >&2
    exit 2
fi
if [[ ! "$2" =~ ^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$ ]]; then
    echo "set-image.sh: \`$2\` is not a tag; use one such as \`0.1.0\`" >&2
    exit 2
fi
cat >"$(dirname "${BASH_SOURCE[0]}")/image/kustomization.yaml" <<END
# Written by set-image.sh: the image that stands for \`bench\` in all overlays.
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
images:
  - name: bench
    newName: $1
    newTag: "$2"
END
