#!/bin/sh
# Stands for the trainer in the queue's tests; MODE says how it ends.
case "$MODE" in
  succeed) echo "attempt $AWS_BATCH_JOB_ATTEMPT in $PLACE" ;;
  succeed-later) [ "$AWS_BATCH_JOB_ATTEMPT" -gt 1 ] || exec sleep 600 ;;
  fail) exit 3 ;;
  fail-once) [ "$AWS_BATCH_JOB_ATTEMPT" -gt 1 ] ;;
  taken-away-once) [ "$AWS_BATCH_JOB_ATTEMPT" -gt 1 ] || kill -TERM $$ ;;
  wait) exec sleep 600 ;;
esac
