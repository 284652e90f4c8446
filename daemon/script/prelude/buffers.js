// ArrayBuffer's transfer, transferToFixedLength and detached (ES2024), which V8 10.2 lacks. Resizable
// buffers are not made.
import {
  MathFloor, MathMin, NumberCtor, ObjectDefineProperty, ObjectGetOwnPropertyDescriptor, RangeErrorCtor,
  TypeErrorCtor, uncurryThis,
} from './primordials.js';
import { host } from './host.js';

const { prototype } = ArrayBuffer;
const byteLength = uncurryThis(ObjectGetOwnPropertyDescriptor(prototype, 'byteLength').get);
const slice = uncurryThis(prototype.slice);
const Uint8ArrayCtor = Uint8Array;
const ArrayBufferCtor = ArrayBuffer;
const setBytes = uncurryThis(Object.getPrototypeOf(Uint8Array.prototype).set);

function isDetached(buffer) {
  byteLength(buffer);  // throws on what is no ArrayBuffer
  try {
    new Uint8ArrayCtor(buffer);
    return false;
  } catch {
    return true;
  }
}

function transferTo(buffer, newLength) {
  const length = byteLength(buffer);
  const wanted = newLength === undefined ? length : MathFloor(NumberCtor(newLength)) || 0;
  if (!(wanted >= 0 && wanted <= 2 ** 53 - 1)) throw new RangeErrorCtor('Invalid array buffer length');
  if (isDetached(buffer)) throw new TypeErrorCtor('Cannot transfer a detached ArrayBuffer');
  const copy = new ArrayBufferCtor(wanted);
  setBytes(new Uint8ArrayCtor(copy), new Uint8ArrayCtor(slice(buffer, 0, MathMin(length, wanted))));
  host.detach(buffer);
  return copy;
}

const methods = {
  transfer(newLength) { return transferTo(this, newLength); },
  transferToFixedLength(newLength) { return transferTo(this, newLength); },
  get detached() { return isDetached(this); },
};

export function defineBufferMethods() {
  for (const name of ['transfer', 'transferToFixedLength', 'detached']) {
    const descriptor = ObjectGetOwnPropertyDescriptor(methods, name);
    ObjectDefineProperty(prototype, name, { __proto__: null, ...descriptor, enumerable: false });
  }
  const { transfer, transferToFixedLength } = prototype;
  for (const fn of [transfer, transferToFixedLength]) {
    ObjectDefineProperty(fn, 'length', { __proto__: null, value: 0 });
  }
}
