import java.io.StringReader;
import java.io.StringWriter;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.util.Properties;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;

/** What pgjdbc does, printed line by line: JdbcClient.java PORT USER DATABASE. */
public class JdbcClient {
  static void show(String label, ResultSet rows) throws SQLException {
    ResultSetMetaData meta = rows.getMetaData();
    StringBuilder names = new StringBuilder();
    for (int i = 1; i <= meta.getColumnCount(); i++) names.append(meta.getColumnLabel(i)).append(' ');
    System.out.println(label + " " + names);
    while (rows.next()) {
      StringBuilder line = new StringBuilder("  ");
      for (int i = 1; i <= meta.getColumnCount(); i++) line.append(rows.getString(i)).append(" | ");
      System.out.println(line);
    }
    rows.close();
  }

  public static void main(String[] args) throws Exception {
    Properties properties = new Properties();
    properties.setProperty("user", args[1]);
    properties.setProperty("password", System.getenv("PGPASSWORD"));
    Connection connection =
        DriverManager.getConnection("jdbc:postgresql://127.0.0.1:" + args[0] + "/" + args[2], properties);
    Statement statement = connection.createStatement();
    show("row:", statement.executeQuery("select * from people where id = 7"));

    // After five executions the driver prepares the statement on the server and asks for binary results.
    PreparedStatement prepared =
        connection.prepareStatement("select id, email, born, n, amount, ok, at, tags from people where id = ?");
    for (int i = 1; i <= 9; i++) {
      prepared.setInt(1, i);
      show("prepared " + i + ":", prepared.executeQuery());
    }
    prepared.close();

    statement.executeUpdate("delete from written");
    PreparedStatement batch = connection.prepareStatement("insert into written values (?, ?)");
    for (int i = 0; i < 500; i++) {
      batch.setInt(1, i);
      batch.setString(2, "t" + i);
      batch.addBatch();
    }
    int count = 0;
    for (int updated : batch.executeBatch()) count += updated;
    System.out.println("batch: " + count);

    connection.setAutoCommit(false);
    Statement fetching = connection.createStatement();
    fetching.setFetchSize(40);
    ResultSet people = fetching.executeQuery("select id, email from people order by id");
    int seen = 0;
    String seventh = "";
    while (people.next()) if (++seen == 7) seventh = people.getString(2);
    System.out.println("portal: " + seen + " " + seventh);
    people.close();

    Savepoint savepoint = connection.setSavepoint();
    try {
      statement.executeQuery("select 1 / 0");
    } catch (SQLException fault) {
      System.out.println("error: " + fault.getSQLState());
      connection.rollback(savepoint);
    }
    show("after:", statement.executeQuery("select 1"));

    CopyManager copy = connection.unwrap(PGConnection.class).getCopyAPI();
    System.out.println("copied in: " + copy.copyIn("copy written from stdin", new StringReader("1000\tcopied\n")));
    StringWriter out = new StringWriter();
    copy.copyOut("copy (select id, email from people where id < 10 order by id) to stdout", out);
    System.out.println("copied out: " + out.toString().replace("\n", ";"));
    connection.rollback();
    connection.setAutoCommit(true);

    show("tables:", connection.getMetaData().getColumns(null, "public", "written", "%"));
    show("keys:", connection.getMetaData().getPrimaryKeys(null, "public", "people"));

    try {
      statement.executeUpdate("drop table written");
      System.out.println("drop: done");
    } catch (SQLException fault) {
      System.out.println("drop: " + fault.getSQLState() + " " + fault.getMessage().replace("\n", " "));
    }
    connection.close();
    System.out.println("end");
  }
}
