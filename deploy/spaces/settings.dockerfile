
# A Space requires this port, and runs the image as user 1000, who can write only to /tmp.
ENV PORT=7860 CONTRACT=todo-app DATA_DIR=/tmp/duly
EXPOSE 7860
