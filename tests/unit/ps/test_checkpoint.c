#include <criterion/criterion.h>
Test(checkpoint, none) {}
