#include <criterion/criterion.h>
Test(table, none) {}
