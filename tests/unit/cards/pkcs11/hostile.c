/* A PKCS#11 module that does what HOSTILE says: hang-, crash- or lie at a named moment.
   HOSTILE_FLAGS are the token's flags, HOSTILE_CERTIFICATE is the file of its certificate,
   HOSTILE_MARK a file that is opened as it begins to hang. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef unsigned long ulong_t;
typedef struct { ulong_t type; void *value; ulong_t length; } attribute_t;
typedef struct { unsigned char description[64], manufacturer[32]; ulong_t flags; unsigned char versions[4]; } slot_info_t;
typedef struct {
  unsigned char label[32], manufacturer[32], model[16], serial[16];
  ulong_t flags, sessions[4], max_pin, min_pin, memory[4];
  unsigned char versions[4], time[16];
} token_info_t;
typedef struct { unsigned char version[2]; void *functions[68]; } functions_t;

enum { OK = 0, DEVICE_REMOVED = 0x32, NOT_LOGGED_IN = 0x101, PIN_INCORRECT = 0xA0, INVALID_ATTRIBUTE = 0x12, UNSUPPORTED = 0x54 };
enum { CERTIFICATE = 1, PRIVATE_KEY = 3 };

static functions_t list;
static ulong_t wanted, given;

static int is(const char *what) {
  const char *mode = getenv("HOSTILE");
  return mode && strcmp(mode, what) == 0;
}

static void at(const char *moment) {
  char what[64];
  snprintf(what, sizeof what, "hang-%s", moment);
  if (is(what)) {
    const char *mark = getenv("HOSTILE_MARK");
    if (mark) fclose(fopen(mark, "w"));
    for (;;) pause();
  }
  snprintf(what, sizeof what, "crash-%s", moment);
  if (is(what)) *(volatile int *)0 = 0;
}

static ulong_t flags(void) {
  const char *text = getenv("HOSTILE_FLAGS");
  return text ? strtoul(text, NULL, 16) : 0x40C;
}

static ulong_t unsupported(void) { return UNSUPPORTED; }
static ulong_t fine(void) { return OK; }
static ulong_t initialize(void *arguments) { (void)arguments; at("load"); return OK; }
static ulong_t finalize(void *reserved) { (void)reserved; at("end"); return OK; }
static ulong_t get_info(void *info) { memset(info, 0, 80); return OK; }

static ulong_t get_slot_list(unsigned char present, ulong_t *slots, ulong_t *count) {
  (void)present;
  at("find");
  if (is("lie-slots")) { *count = 1UL << 60; return OK; }
  if (slots) slots[0] = 7;
  *count = 1;
  return OK;
}

static ulong_t get_slot_info(ulong_t slot, slot_info_t *info) {
  (void)slot;
  memset(info, 0, sizeof *info);
  memset(info->description, ' ', sizeof info->description);
  const char *name = getenv("HOSTILE_READER");
  if (name) memcpy(info->description, name, strnlen(name, sizeof info->description));
  info->flags = 7;
  return OK;
}

static ulong_t get_token_info(ulong_t slot, token_info_t *info) {
  (void)slot;
  memset(info, is("lie-info") ? 0xFF : ' ', sizeof *info);
  info->flags = flags();
  if (!is("lie-info")) info->max_pin = 8, info->min_pin = 6;
  return OK;
}

static ulong_t get_mechanism_list(ulong_t slot, ulong_t *mechanisms, ulong_t *count) {
  (void)slot;
  if (mechanisms) mechanisms[0] = 1;
  *count = 1;
  return OK;
}

static ulong_t open_session(ulong_t slot, ulong_t f, void *a, void *n, ulong_t *session) {
  (void)slot, (void)f, (void)a, (void)n;
  *session = 1;
  return OK;
}

static ulong_t login(ulong_t session, ulong_t user, const char *pin, ulong_t length) {
  (void)session, (void)user;
  if (pin) printf("the PIN is %.*s\n", (int)length, pin), fprintf(stderr, "%.*s\n", (int)length, pin);
  fflush(NULL);
  at("login");
  return pin && (length != 6 || memcmp(pin, "123456", 6)) ? PIN_INCORRECT : OK;
}

static ulong_t find_init(ulong_t session, attribute_t *template, ulong_t count) {
  (void)session, (void)count;
  if (is("refuse-read")) return NOT_LOGGED_IN;
  if (is("lose-read")) return DEVICE_REMOVED;
  wanted = *(ulong_t *)template[0].value;
  given = 0;
  return OK;
}

static ulong_t find(ulong_t session, ulong_t *objects, ulong_t most, ulong_t *count) {
  (void)session, (void)most;
  at("read");
  *count = is("lie-endless") || !given++;
  objects[0] = wanted;
  return OK;
}

static ulong_t give(attribute_t *attribute, const void *value, ulong_t length) {
  if (is("lie-lengths") && attribute->type == 0x11) { attribute->length = 1UL << 60; return OK; }
  if (attribute->value) memcpy(attribute->value, value, length);
  attribute->length = length;
  return OK;
}

static ulong_t give_certificate(attribute_t *attribute) {
  static unsigned char der[65536];
  ulong_t length = 64;
  FILE *file = is("lie-certificate") ? NULL : fopen(getenv("HOSTILE_CERTIFICATE"), "rb");
  memset(der, 0x30, sizeof der);
  if (file) length = fread(der, 1, sizeof der, file), fclose(file);
  if (is("lie-enormous")) length = sizeof der;
  return give(attribute, der, length);
}

static ulong_t get_attribute(ulong_t session, ulong_t object, attribute_t *attributes, ulong_t count) {
  static const unsigned char yes = 1, no = 0, id = 9;
  static const ulong_t x509 = 0, rsa = 0;
  ulong_t result = OK;
  (void)session;
  for (ulong_t i = 0; i < count; i++) {
    attribute_t *each = attributes + i;
    switch (each->type) {
    case 0x000: give(each, &object, sizeof object); break;
    case 0x003: give(each, is("lie-text") ? "\xff\xfe" : "ab", 2); break;
    case 0x011: give_certificate(each); break;
    case 0x080: give(each, &x509, sizeof x509); break;
    case 0x100: give(each, &rsa, sizeof rsa); break;
    case 0x102: give(each, &id, 1); break;
    case 0x108: give(each, object == PRIVATE_KEY ? &yes : &no, 1); break;
    case 0x202: give(each, &no, 1); break;
    default: each->length = (ulong_t)-1; result = INVALID_ATTRIBUTE;
    }
  }
  return result;
}

static ulong_t sign(ulong_t session, void *data, ulong_t length, unsigned char *signature, ulong_t *size) {
  (void)session, (void)data, (void)length;
  at("sign");
  if (signature) memset(signature, 0x5A, 256);
  *size = 256;
  return OK;
}

ulong_t C_GetFunctionList(functions_t **out) {
  for (int i = 0; i < 68; i++) list.functions[i] = unsupported;
  list.version[0] = 2, list.version[1] = 40;
  list.functions[0] = initialize, list.functions[1] = finalize, list.functions[2] = get_info;
  list.functions[4] = get_slot_list, list.functions[5] = get_slot_info;
  list.functions[6] = get_token_info, list.functions[7] = get_mechanism_list;
  list.functions[12] = open_session, list.functions[13] = fine;
  list.functions[18] = login, list.functions[19] = fine;
  list.functions[24] = get_attribute;
  list.functions[26] = find_init, list.functions[27] = find, list.functions[28] = fine;
  list.functions[42] = fine, list.functions[43] = sign;
  *out = &list;
  return OK;
}
