/* No snapshot: for the binary that makes it. */
        .section .rodata
        .balign 64
        .global odw_script_snapshot_begin
        .global odw_script_snapshot_end
odw_script_snapshot_begin:
odw_script_snapshot_end:
        .byte 0
        .section .note.GNU-stack,"",%progbits
