@rem `exec` in the npm scripts hands signals and the exit code straight through; this stands in for it in cmd.exe.
@%*
