
# What a Space wants otherwise: this port, and a user (1000) who may write to /tmp alone.
ENV PORT=7860 CONTRACT=todo-app DATA_DIR=/tmp/duly
EXPOSE 7860
