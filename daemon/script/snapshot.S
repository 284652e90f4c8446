/* The start-up snapshots as read-only data, shared by all processes that run this binary. */
        .section .rodata
        .macro  blob name file
        .balign 64
        .global odw_snapshot_\name\()_begin
        .global odw_snapshot_\name\()_end
odw_snapshot_\name\()_begin:
        .incbin "\file"
odw_snapshot_\name\()_end:
        .byte   0
        .endm
        blob script, "script.snapshot"
        blob load, "load.snapshot"
        blob validate, "validate.snapshot"
        .section .note.GNU-stack,"",%progbits
