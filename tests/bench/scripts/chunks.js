export const meta = { name: 'chunks', description: 'args.n nodes in fan-outs of args.width' };
let done = 0;
for (let from = 0; from < args.n; from += args.width) {
  const part = await parallel(
    Array.from({ length: Math.min(args.width, args.n - from) }, (_, i) => () => agent(`node ${from + i}`)),
  );
  done += part.filter(Boolean).length;
}
return done;
