#!/usr/bin/env bash
# A real Kubernetes API server for tests, on loopback only: v1.20.2, compiled from Debian's source package with Debian's Go,
# with Debian's etcd behind it. Nothing of it is installed but the compiler; no service and no user is made.
#
#   tools/kube-apiserver.sh build DIR    DIR/bin/kube-apiserver and DIR/bin/etcd; does nothing when they are there. As root,
#                                        for apt installs golang-go where it is missing. Some 5 minutes on 2 cores.
#   tools/kube-apiserver.sh check DIR    says in one line why it can't run or be built here; status 1 then
#
# test/kubernetes starts and stops the programs itself.
set -euo pipefail
umask 077

fail() { echo "kube-apiserver.sh: $*" >&2; exit 1; }
[ $# -eq 2 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }
mkdir -p "$2"
DIR=$(cd "$2" && pwd)
VERSION=v1.20.2

built() { [ -x "$DIR/bin/kube-apiserver" ] && [ -x "$DIR/bin/etcd" ]; }

check() {
  built && return
  [ "$(id -u)" = 0 ] || fail "only root can build it (apt installs the compiler); or run it where $DIR/bin holds it already"
  command -v apt-get >/dev/null || fail "it is built from Debian's packages, and there is no apt-get here"
  # in a shell of its own, for that file has a VERSION too
  local system
  system=$(. /etc/os-release && echo "${ID:-not Debian}")
  [ "$system" = debian ] || fail "it is built from Debian's packages, and this is $system"
}

# apt-get with sources and lists of its own, so that the machine's stay as they are
own_apt() {
  apt-get -qq -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$DIR/apt/sources" -o APT::Sandbox::User=root \
    -o Dir::State::Lists="$DIR/apt/lists" -o Dir::Cache="$DIR/apt/cache" "$@"
}

build() {
  built && return
  check
  local parts file root package stamp
  eval "$(apt-config shell parts Dir::Etc::sourceparts/d)"
  mkdir -p "$DIR/bin" "$DIR/src" "$DIR/apt/sources" "$DIR/apt/lists/partial" "$DIR/apt/cache/archives/partial"
  for file in "$parts"/*.sources; do
    # Debian's own sources only, and of those the source packages too
    if grep -q debian-archive-keyring "$file"; then sed 's/^Types:.*/Types: deb deb-src/' "$file" >"$DIR/apt/sources/${file##*/}"; fi
  done
  own_apt update
  command -v go >/dev/null || (umask 022 && own_apt install -y --no-install-recommends golang-go >/dev/null)
  cd "$DIR/src"
  own_apt download etcd-server
  dpkg-deb -x etcd-server_*.deb etcd
  cp etcd/usr/bin/etcd "$DIR/bin/etcd"
  own_apt source --download-only kubernetes
  root=$DIR/go/src/k8s.io/kubernetes
  rm -rf "$root" && mkdir -p "$root"
  tar xzf kubernetes_*.orig.tar.gz -C "$root" --strip-components=1
  cd "$root"
  # in module mode this Go refuses that go.mod
  export GOPATH=$DIR/go GOCACHE=$DIR/cache GO111MODULE=off CGO_ENABLED=0 GOPROXY=off GOFLAGS=
  package=k8s.io/kubernetes
  # one generated file is not in the source: the definitions of the OpenAPI
  nice go build -o "$DIR/bin/openapi-gen" "$package/vendor/k8s.io/kube-openapi/cmd/openapi-gen"
  nice "$DIR/bin/openapi-gen" --v 0 --logtostderr -p "$package/pkg/generated/openapi" -O zz_generated.openapi \
    -h vendor/k8s.io/code-generator/hack/boilerplate.go.txt -r "$DIR/violations" \
    -i "$(grep -RlE --include='*.go' '\+k8s:openapi-gen=' vendor/k8s.io pkg cmd plugin | xargs -n1 dirname |
      grep -vE '^vendor/k8s.io/(code-generator|sample-apiserver|kube-openapi)/' | LC_ALL=C sort -u | sed "s#^#$package/#" | paste -sd,)"
  diff "$DIR/violations" api/api-rules/violation_exceptions.list
  stamp=""
  for file in component-base client-go/pkg; do
    stamp+=" -X $package/vendor/k8s.io/$file/version.gitVersion=$VERSION"
    stamp+=" -X $package/vendor/k8s.io/$file/version.gitMajor=1 -X $package/vendor/k8s.io/$file/version.gitMinor=20"
  done
  echo "kube-apiserver.sh: compiling, which takes some minutes" >&2
  nice go build -trimpath -ldflags "-s -w$stamp" -o "$DIR/bin/kube-apiserver" "$package/cmd/kube-apiserver"
  rm -rf "$DIR/src" "$DIR/go" "$DIR/cache" "$DIR/apt" "$DIR/violations" "$DIR/bin/openapi-gen"
}

case $1 in
  build) build ;;
  check) check ;;
  *) fail "$1 is neither build nor check" ;;
esac
