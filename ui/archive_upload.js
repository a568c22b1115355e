// Sends one chosen file to /upload/<name> as a stream, with its progress, and reports its id. data: {words, accept, lang}.
const boxes = new WeakMap();

function build(parent) {
  const box = document.createElement("div");
  box.style.cssText = "display:flex;flex-direction:column;gap:6px;color:var(--st-text-color);font-size:14px";
  const label = document.createElement("label");
  const input = document.createElement("input");
  input.type = "file";
  input.style.cssText = "display:block;margin-top:6px;color:inherit;font:inherit";
  const words = document.createElement("span");
  label.append(words, input);
  const bar = document.createElement("progress");
  bar.max = 1;
  bar.hidden = true;
  const state = document.createElement("div");
  state.setAttribute("role", "status");
  box.append(label, bar, state);
  parent.replaceChildren(box);
  return { words, input, bar, state, busy: false };
}

function send(box, file) {
  const { data, setTriggerValue } = box;
  const request = new XMLHttpRequest();
  request.open("PUT", `/upload/${encodeURIComponent(file.name)}?lang=${data.lang}`);
  box.input.disabled = true;
  box.bar.hidden = false;
  const end = (message) => {
    box.input.disabled = false;
    box.input.value = "";
    box.bar.hidden = true;
    box.state.textContent = message;
  };
  request.upload.onprogress = (event) => {
    box.bar.value = event.loaded / event.total;
    box.state.textContent = `${data.words.uploading} ${Math.floor((100 * event.loaded) / event.total)} %`;
  };
  request.onerror = () => end(data.words.failed);
  request.onload = () => {
    let answer = {};
    try { answer = JSON.parse(request.responseText); } catch { /* no answer of ours: the sentence below says so */ }
    if (request.status === 200 && answer.upload) {
      end(file.name);
      setTriggerValue("uploaded", { upload: answer.upload, filename: file.name });
    } else {
      end(answer.error ?? data.words.failed);
    }
  };
  request.send(file);
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  let box = boxes.get(parentElement);
  if (!box) {
    box = build(parentElement);
    boxes.set(parentElement, box);
    box.input.addEventListener("change", () => { if (box.input.files.length) send(box, box.input.files[0]); });
  }
  box.data = data;
  box.setTriggerValue = setTriggerValue;
  box.words.textContent = data.words.choose;
  box.input.accept = data.accept;
}
