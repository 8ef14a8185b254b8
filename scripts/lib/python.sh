# python.sh - a Python environment with the packages that only tests use; sourced by scripts.
#
# prepare_python FOLDER: makes it unless it is there, and puts it first on the PATH as RECSYS_PYTHON.
prepare_python() {
  local folder=$1
  if [ ! -x "$folder/bin/python3" ] || ! "$folder/bin/python3" -c 'import numpy, safetensors, faiss' 2>/dev/null; then
    echo "making a Python environment with numpy, safetensors and faiss in $folder (tests only)"
    rm -rf "$folder"
    python3 -m venv "$folder"
    "$folder/bin/pip" install --quiet --disable-pip-version-check numpy safetensors faiss-cpu
  fi
  RECSYS_PYTHON=$PWD/$folder/bin/python3
  export RECSYS_PYTHON
}
