// Bytes, hexadecimal, base64 and digests. Nothing here fails open: what is not in its one form is null or an error.
import { sha256 as incremental256, sha512 as incremental512 } from "@noble/hashes/sha2.js";

export const ZEROS = "0".repeat(64);
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

export const encode = (text) => encoder.encode(text);

/** Decode UTF-8; throws a TypeError for anything else. */
export const decode = (raw) => strict.decode(raw);

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

export function hex(raw) {
  let text = "";
  for (const byte of raw) text += HEX[byte];
  return text;
}

export function unhex(text) {
  const raw = new Uint8Array(text.length / 2);
  for (let at = 0; at < raw.length; at += 1) raw[at] = parseInt(text.substr(2 * at, 2), 16);
  return raw;
}

/** Decode base64 in its one canonical form; null for any other. */
export function unbase64(text) {
  let binary;
  try {
    binary = atob(text);
  } catch {
    return null;
  }
  return btoa(binary) === text ? Uint8Array.from(binary, (letter) => letter.charCodeAt(0)) : null;
}

export function equal(one, other) {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

export function joined(...parts) {
  const all = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** SHA-256 of something small, at once. */
export const sha256 = (raw) => incremental256(raw);

/** HMAC-SHA256 (RFC 2104). */
export function hmac(key, raw) {
  const block = new Uint8Array(64);
  block.set(key.length > 64 ? sha256(key) : key);
  const inner = sha256(joined(block.map((byte) => byte ^ 0x36), raw));
  return sha256(joined(block.map((byte) => byte ^ 0x5c), inner));
}

/** Both digests of a content that comes in pieces. Web Crypto takes one piece only, so a single one goes there. */
export async function digests(pieces) {
  const { value: first, done } = await pieces.next();
  const second = done ? { done: true } : await pieces.next();
  if (second.done && globalThis.crypto?.subtle) {
    const raw = done ? new Uint8Array() : first;
    const made = await Promise.all(["SHA-256", "SHA-512"].map((name) => crypto.subtle.digest(name, raw)));
    return made.map((digest) => new Uint8Array(digest));
  }
  const both = [incremental256.create(), incremental512.create()];
  if (!done) both.forEach((one) => one.update(first));
  if (!second.done) both.forEach((one) => one.update(second.value));
  if (!second.done) for await (const piece of pieces) both.forEach((one) => one.update(piece));
  return both.map((one) => one.digest());
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, start) => {
  let value = start;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

/** CRC-32 as ZIP has it, continued from `before`. */
export function crc32(raw, before = 0) {
  let value = ~before;
  for (let at = 0; at < raw.length; at += 1) value = CRC_TABLE[(value ^ raw[at]) & 0xff] ^ (value >>> 8);
  return ~value >>> 0;
}
