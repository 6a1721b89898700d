/* Carries what the panel released to the part of the page that draws the details: one event, one committed value. */

export default function ({ parentElement: root, data, setStateValue }) {
  const released = (window.explorerReleased ??= {});
  root.explorerSend = () => {
    const request = released[data.model];
    if (!request) return;
    delete released[data.model];
    setStateValue("dial", request);
  };
  if (!root.explorerListen) {
    root.explorerListen = () => root.explorerSend();
    window.addEventListener("explorer-release", root.explorerListen);
  }
  root.explorerSend();
  return () => {
    window.removeEventListener("explorer-release", root.explorerListen);
    delete root.explorerListen;
  };
}
