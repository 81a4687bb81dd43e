//! Words of AWS and of kernels, read tolerantly.

/// What an exit code means, in words; `None` for codes without a common meaning. 128 + n is what shells and container
/// runtimes report for a program ended by signal n.
pub fn exit_meaning(code: i32) -> Option<&'static str> {
    Some(match code {
        0 => "it ended by itself, without an error",
        1 => "the program failed",
        2 => "the program was called the wrong way",
        125 => "the container could not be run",
        126 => "the command cannot be executed: no program, no permission, or another CPU architecture",
        127 => "the command was not found in the image",
        129 => "SIGHUP: its terminal went away",
        130 => "SIGINT: it was interrupted",
        131 => "SIGQUIT: it was told to quit",
        132 => "SIGILL: an instruction that this CPU does not have",
        133 => "SIGTRAP: a trap, usually an assertion of a runtime",
        134 => "SIGABRT: it aborted itself",
        135 => "SIGBUS: it used memory that is not there",
        136 => "SIGFPE: an arithmetic error",
        137 => "SIGKILL: it was killed, by the memory limit or because it did not end in time",
        139 => "SIGSEGV: it used memory that is not its own",
        141 => "SIGPIPE: nobody read its output",
        143 => "SIGTERM: it was told to stop",
        255 => "an exit code out of range, or a program for another CPU architecture",
        _ => return None,
    })
}
