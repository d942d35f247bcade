// The instructor's notes on the presenter's page: those of one lesson, one cell at a time. What the track skips is gray.
"use strict";
(async () => {
  let lesson = { minutes: 0, hours: "", track: "", notes: [] };
  let place = 0;

  function show(number) {
    place = number;
    const note = lesson.notes[place];
    const total = lesson.hours || `${Math.floor(lesson.minutes / 60)}:${String(lesson.minutes % 60).padStart(2, "0")}`;
    const time = note.is_skipped ? ` · not on the track ${lesson.track}` : note.minute && ` · ${note.minute} of ${total}`;
    at("note-where").textContent = `${place + 1} of ${lesson.notes.length}${time}`;
    at("note").classList.toggle("beyond", note.is_skipped);
    at("note").innerHTML = note.html; // the desk made it from our own files, and escaped it
    at("note").prepend(make("h3", {}, `${note.section} · ${note.cell}`));
    at("note").scrollTop = 0;
    at("note-back").disabled = place === 0;
    at("note-next").disabled = place === lesson.notes.length - 1;
  }

  async function load() {
    try {
      lesson = (await ask("/presenter/do/notes", { lesson: at("note-lesson").value })).said;
      show(0);
    } catch (error) {
      at("wrong").textContent = error.message;
    }
  }

  const { lessons, track } = await ask("/presenter/choices");
  at("note-lesson").replaceChildren(...optionsOf(track, lessons, (entry) => make("option", {}, entry.name)));
  on(at("note-lesson"), "change", load);
  on(at("note-back"), "click", () => show(place - 1));
  on(at("note-next"), "click", () => show(place + 1));
  load();
})().catch((error) => { at("wrong").textContent = error.message; });
