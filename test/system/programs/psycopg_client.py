"""What psycopg2 does, printed line by line: psycopg_client.py PORT USER DATABASE."""

import io
import sys

import psycopg2
import psycopg2.extras

port, user, database = sys.argv[1:4]
connection = psycopg2.connect(host="127.0.0.1", port=port, user=user, dbname=database, application_name="psycopg")
cursor = connection.cursor()


def show(label, sql, parameters=None):
    cursor.execute(sql, parameters)
    print(label, [column.name for column in cursor.description], cursor.rowcount)
    for row in cursor.fetchall():
        print(" ", [bytes(value) if isinstance(value, memoryview) else value for value in row])


show("row:", "select * from people where id = %s", (7,))
show("parameters:", "select id, email from people where id in %s and name like %s order by id", ((7, 8), "Name%"))
show("array:", "select id from people where id = any(%s) and tags @> %s order by id", ([7, 9], ["a"]))
show("none:", "select id from people where id = %s", (-1,))

with connection.cursor("named") as named:
    named.itersize = 50
    named.execute("select id, email from people order by id")
    rows = named.fetchall()
    print("named cursor:", len(rows), rows[6])

cursor.execute("delete from written")
psycopg2.extras.execute_values(cursor, "insert into written values %s", [(i, "t%d" % i) for i in range(500)])
cursor.executemany("update written set t = %s where id = %s", [("x", 1), ("y", 2)])
connection.commit()
show("written:", "select count(*), min(t), max(t) from written")

cursor.copy_expert("copy written (id, t) from stdin with (format csv)", io.StringIO("1000,copied\n1001,\n"))
out = io.StringIO()
cursor.copy_expert("copy (select id, email from people where id < 10 order by id) to stdout", out)
print("copy:", repr(out.getvalue()))
connection.rollback()

cursor.execute("begin")
cursor.execute("savepoint a")
try:
    cursor.execute("select 1 / 0")
except psycopg2.Error as fault:
    print("error:", fault.pgcode, fault.pgerror.split("\n")[0])
cursor.execute("rollback to a")
show("after:", "select 1")
connection.commit()

dictionaries = connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor)
dictionaries.execute("select id, doc, n from people where id = 7")
print("dictionary:", dict(dictionaries.fetchone()))

try:
    cursor.execute("drop table written")
    connection.commit()
    print("drop: done")
except psycopg2.Error as fault:
    print("drop:", fault.pgcode, fault.pgerror.replace("\n", " "))
    connection.rollback()
connection.close()
print("end")
