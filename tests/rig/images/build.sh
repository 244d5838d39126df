# Builds an image without a daemon, and writes it to an archive. Mounts end with the namespace that this runs in.
#
# Usage: unshare --mount sh build.sh FOLDER TAG ARCHIVE [BASE_ARCHIVE]
#   FOLDER/context    with a Dockerfile
#   FOLDER/deno       the context of another image, for the Dockerfile's argument DENO_IMAGE, if it is there
set -e
folder=$1 tag=$2 archive=$3 base=$4
PATH=$PATH:/usr/sbin:/sbin
build() {
  buildah --root "$folder/storage" --runroot "$folder/runroot" --storage-driver overlay "$@"
}
bud() {
  build bud --isolation chroot --pull-never --layers=false "$@"
}
[ -z "$base" ] || build pull "docker-archive:$base"
[ ! -d "$folder/deno" ] || bud --tag localhost/deno "$folder/deno"
bud --tag "$tag" --build-arg BASE_IMAGE=docker.io/library/debian:bookworm-slim --build-arg DENO_IMAGE=localhost/deno \
  "$folder/context"
build push "$tag" "docker-archive:$archive:$tag"
