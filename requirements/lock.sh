#!/usr/bin/env bash
# Pin every dependency by hash, for Python 3.11 to 3.13 on every platform, naming no index.
#
#   requirements/lock.sh [uv]              keep what is pinned, add what pyproject.toml asks for
#   requirements/lock.sh [uv] --upgrade    take the newest of everything
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
uv=${1:-uv}
options=(
  --universal --python-version 3.11
  --generate-hashes --no-emit-index-url --no-annotate
  --prerelease if-necessary-or-explicit
  --custom-compile-command "make requirements"
  "${@:2}"
)
"$uv" pip compile pyproject.toml --quiet --extra all --extra calibration --extra ray --extra reinforcement \
  --extra xarray \
  --group dev "${options[@]}" \
  --output-file requirements/dev.txt
# The demonstration runs on the versions that were tested.
"$uv" pip compile pyproject.toml --quiet --extra all --group build "${options[@]}" \
  --constraint requirements/dev.txt --output-file requirements/demo.txt
# On Linux the package index has torch with CUDA only, several gigabytes: so it stands by itself.
"$uv" pip compile pyproject.toml --quiet --extra adapters --group torch "${options[@]}" \
  --constraint requirements/dev.txt --output-file requirements/torch.txt
# Slither runs in an environment of its own.
"$uv" pip compile requirements/slither.in --quiet "${options[@]}" \
  --output-file requirements/slither.txt
