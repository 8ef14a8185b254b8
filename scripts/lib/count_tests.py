"""count_tests.py - counts the tests of a meson run: every case of a cmocka program, one for any other program.

Usage: count_tests.py testlog.json log.txt. Prints "PASSED FAILED"; what failed is written to log.failed.
"""
import json
import re
import sys

passed = failed = 0
with open(sys.argv[1], encoding="utf-8") as lines, open(sys.argv[2][:-4] + ".failed", "w", encoding="utf-8") as report:
    for line in lines:
        test = json.loads(line)
        output = test.get("stdout", "") + test.get("stderr", "")
        good = sum(int(n) for n in re.findall(r"^\[  PASSED  \] (\d+) test", output, re.M))
        bad = sum(int(n) for n in re.findall(r"^\[  FAILED  \] (\d+) test", output, re.M))
        if test["result"] in ("OK", "EXPECTEDFAIL"):
            passed += max(good, 1)
        elif test["result"] == "SKIP":
            print("skipped: " + test["name"], file=report)
        else:
            passed += good
            failed += max(bad, 1)
            print(f"---- {test['name']}: {test['result']}\n" + "\n".join(output.splitlines()[-60:]), file=report)
print(passed, failed)
