"""The participant's side of a live room: the join code, what leaves the laptop, and the thread that sends it.

The room itself is served by the instructor's desk (`workshop_room.desk.room_server`).
"""
