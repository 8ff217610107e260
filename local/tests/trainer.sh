#!/bin/sh
# Stands for the trainer in the queue's tests; MODE says how it ends.
case "$MODE" in
  succeed) echo "attempt $AWS_BATCH_JOB_ATTEMPT in $PLACE" ;;
  fail) exit 3 ;;
  fail-once) [ "$AWS_BATCH_JOB_ATTEMPT" -gt 1 ] ;;
  wait) exec sleep 600 ;;
esac
