#!/usr/bin/env bash
# layers.sh - dependencies point one way: nothing above kernels/ includes or calls BLAS or LAPACK, nothing in kernels/ knows what is
# above lib/backend, examples use the public API alone, folders of lib/ include only those below them, and the file of a trained
# model knows nothing of training.
#
# Usage: layers.sh SOURCE_ROOT STATIC_LIBRARY
set -euo pipefail
root=$1 archive=$2
bad=0
complain() { echo "$1"; bad=1; }

# includes FOLDER: lines file:"header" of all quoted and angled includes.
includes() { grep -rnoE '^#include [<"][^>"]+' "$root/$1" --include=*.c --include=*.h | sed -E 's/#include [<"]//'; }

while IFS= read -r line; do
  complain "BLAS above the kernels: $line"
done < <(includes lib | grep -E ':(cblas|lapacke?|f77blas|openblas_config|mkl[a-z_]*)\.h$' || true)

while IFS= read -r line; do
  complain "BLAS outside kernels/cpu/blas.h: $line"
done < <(includes kernels | grep -E ':(cblas|lapacke?|f77blas|openblas_config)\.h$' | grep -v 'kernels/cpu/blas\.h:' || true)

while IFS= read -r line; do
  complain "kernels/ reaches above lib/backend: $line"
done < <(includes kernels | grep -E ':(data|tensor|model|eval|io|train)/' || true)

while IFS= read -r line; do
  complain "examples/ reaches inside: $line"
done < <(includes examples | grep -E ':(base|data|backend|tensor|model|eval|io|train|kernels)/' || true)

# below FOLDER PATTERN: FOLDER must not include what PATTERN names.
below() {
  while IFS= read -r line; do
    complain "lib/$1 reaches above itself: $line"
  done < <(includes "lib/$1" | grep -E ":($2)/" || true)
}
below base 'data|tensor|model|eval|io|train|kernels'
below data 'tensor|model|eval|train|kernels'
below backend 'data|tensor|model|eval|io|train|kernels'
below tensor 'model|eval|io|train|kernels'
below model 'eval|io|train|kernels'
below eval 'io|train|kernels'
below io 'eval|train|kernels'
below train 'kernels'

# A trained model is a file with a training_class in it: its mathematics, made of operations; what the data has beyond a batch is
# features, and what it needs on the host for a moment is scratch.
trained=$(cd "$root" && grep -lE '^static const training_class ' lib/model/*.c || true)
[ -n "$trained" ] || complain "no file of a trained model was found in lib/model"
for file in $trained; do
  while IFS= read -r line; do
    complain "$file includes more than models, tensors and operations: $line"
  done < <(grep -oE '^#include "[^"]+"' "$root/$file" | grep -vE '"(model/|tensor/|backend/op/|(backend/run|base/scratch|data/features)\.h")' || true)
done

# The objects: undefined BLAS or LAPACK names only in objects of the kernels. Object names begin with their path.
nm -A --undefined-only "$archive" 2>/dev/null |
  grep -E ' U (cblas_|LAPACKE_|openblas_|[a-z]+(gemm|syrk|trsm|trmm|potr[fi]|trtri|lauum)_$)' >"${TMPDIR:-/tmp}/layers.$$" || true
[ -s "${TMPDIR:-/tmp}/layers.$$" ] || complain "no object calls BLAS: is $archive the right library?"
while IFS= read -r line; do
  complain "BLAS called above the kernels: $line"
done < <(grep -vE 'kernels_cpu_|[:/]cpu_[a-z0-9_]+\.c\.o' "${TMPDIR:-/tmp}/layers.$$" || true)
rm -f "${TMPDIR:-/tmp}/layers.$$"
exit $bad
