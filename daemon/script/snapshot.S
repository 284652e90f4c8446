/* The start-up snapshot as read-only data, shared by all processes that run this binary. */
        .section .rodata
        .balign 64
        .global odw_script_snapshot_begin
        .global odw_script_snapshot_end
odw_script_snapshot_begin:
        .incbin "snapshot.bin"
odw_script_snapshot_end:
        .byte 0
        .section .note.GNU-stack,"",%progbits
