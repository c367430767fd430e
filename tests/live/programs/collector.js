// A heap with a collector: 30 MiB are taken within 4.5 s, become garbage all at once, and are collected.
let kept = [];
setInterval(() => {
  kept.push(Buffer.alloc(1 << 20, 1));
  if (kept.length >= 30) {
    kept = [];
    global.gc();
  }
}, 150);
setTimeout(() => process.exit(0), 38000);
