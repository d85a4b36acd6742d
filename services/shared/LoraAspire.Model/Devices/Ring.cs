using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Numerics.Tensors;
using System.Security.Cryptography;

namespace LoraAspire.Model.Devices;

/// <summary>
/// Processes of one machine, each connected with the one before and the one behind it over loopback. Whoever connects proves with a token
/// that it belongs to them. Blocking, for one thread; <see cref="Dispose"/> from another ends what waits.
/// </summary>
public sealed unsafe class Ring : IDisposable
{
    public const int TokenBytes = 32;

    // What a socket's buffers hold at least: everybody may send this much before anybody receives.
    private const int Piece = 64 << 10;
    private static readonly TimeSpan Greeting = TimeSpan.FromSeconds(2);

    private readonly Socket _next, _previous;

    private Ring(Share share, Socket next, Socket previous) => (Share, _next, _previous) = (share, next, previous);

    public Share Share { get; }

    /// <summary>A socket that the one before in the ring connects to.</summary>
    public static (Socket Listener, int Port) Listen()
    {
        var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        return (listener, ((IPEndPoint)listener.LocalEndPoint!).Port);
    }

    /// <summary>Takes this process's place; returns once both neighbours are there.</summary>
    /// <param name="listener">Taken over.</param>
    /// <param name="ports">Where each rank listens.</param>
    /// <param name="token">What they all know and nobody else does.</param>
    /// <exception cref="IOException">A neighbour didn't come.</exception>
    public static Ring Join(Socket listener, IReadOnlyList<int> ports, Share share, ReadOnlySpan<byte> token, RingWait wait)
    {
        using var _ = listener;
        var next = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            next.Connect(IPAddress.Loopback, ports[(share.Rank + 1) % share.Count]);
            next.Send([.. token, (byte)share.Rank, (byte)(share.Rank >> 8)]);
            var previous = Accept(listener, (share.Rank + share.Count - 1) % share.Count, token, wait);
            return new(share, next, previous);
        }
        catch (Exception error)
        {
            next.Dispose();
            throw error is SocketException ? new IOException($"Another device's process didn't answer: {error.Message}", error) : error;
        }
    }

    /// <summary>Strangers are sent away; the one that is waited for may be behind them.</summary>
    private static Socket Accept(Socket listener, int expected, ReadOnlySpan<byte> token, RingWait wait)
    {
        var start = Stopwatch.GetTimestamp();
        for (var until = wait.Quiet < wait.Longest ? wait.Quiet : wait.Longest; ;)
        {
            if (Caller(listener, until - Stopwatch.GetElapsedTime(start), wait.Over) is { } caller)
            {
                if (Greets(caller, expected, token))
                {
                    caller.NoDelay = true;
                    caller.ReceiveTimeout = 0;
                    return caller;
                }
                caller.Dispose();
            }
            else if (wait.Over.IsCancellationRequested)
            {
                throw new IOException($"The process of device {expected} didn't come, and another device's has ended.");
            }
            else if (until == wait.Longest)
            {
                throw new IOException($"The process of device {expected} didn't come within {wait.Longest.TotalSeconds:0} s.");
            }
            else
            {
                until = wait.Longest;
                wait.Say($"waits for the process of device {expected}, at most {wait.Longest.TotalSeconds:0} s");
            }
        }
    }

    /// <summary>Who calls next; null where nobody does in time.</summary>
    private static Socket? Caller(Socket listener, TimeSpan time, CancellationToken over)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(over);
        late.CancelAfter(time > TimeSpan.Zero ? time : TimeSpan.Zero);
        try
        {
            return listener.AcceptAsync(late.Token).AsTask().GetAwaiter().GetResult();
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    private static bool Greets(Socket caller, int expected, ReadOnlySpan<byte> token)
    {
        caller.ReceiveTimeout = (int)Greeting.TotalMilliseconds;
        var said = new byte[TokenBytes + 2];
        try
        {
            for (var at = 0; at < said.Length;)
            {
                var read = caller.Receive(said.AsSpan(at));
                if (read == 0)
                {
                    return false;
                }
                at += read;
            }
        }
        catch (SocketException)
        {
            return false;
        }
        return CryptographicOperations.FixedTimeEquals(said.AsSpan(0, TokenBytes), token)
            && (said[TokenBytes] | (said[TokenBytes + 1] << 8)) == expected;
    }

    /// <summary>
    /// Each value becomes the sum of everybody's: in count − 1 rounds each rank gets the sum of one stretch, in as many more everybody gets
    /// all stretches, so that all have the same bits.
    /// </summary>
    /// <exception cref="IOException">A neighbour is gone.</exception>
    public void Sum(float* values, long length)
    {
        var (rank, count) = Share;
        (long Start, long Length) Stretch(int index)
        {
            var at = ((index % count) + count) % count;
            return (length * at / count, (length * (at + 1) / count) - (length * at / count));
        }
        var room = new float[(length / count) + 1];
        fixed (float* received = room)
        {
            for (var round = 0; round < count - 1; round++)
            {
                var (from, into) = (Stretch(rank - round), Stretch(rank - round - 1));
                Exchange((byte*)(values + from.Start), from.Length * sizeof(float), (byte*)received, into.Length * sizeof(float));
                Add(values + into.Start, received, into.Length);
            }
        }
        for (var round = 0; round < count - 1; round++)
        {
            var (from, into) = (Stretch(rank + 1 - round), Stretch(rank - round));
            Exchange((byte*)(values + from.Start), from.Length * sizeof(float), (byte*)(values + into.Start), into.Length * sizeof(float));
        }
    }

    /// <summary>Everybody's part, rank after rank.</summary>
    /// <param name="part">[length] bytes</param>
    /// <param name="whole">[count · length] bytes</param>
    /// <exception cref="IOException">A neighbour is gone.</exception>
    public void Gather(byte* part, byte* whole, long length)
    {
        var (rank, count) = Share;
        Buffer.MemoryCopy(part, whole + (rank * length), length, length);
        for (var round = 0; round < count - 1; round++)
        {
            var (from, into) = ((rank - round + count) % count, (rank - round - 1 + count) % count);
            Exchange(whole + (from * length), length, whole + (into * length), length);
        }
    }

    /// <summary>What everybody says, in the order of the ranks.</summary>
    /// <exception cref="IOException">A neighbour is gone.</exception>
    public T[] Gather<T>(ReadOnlySpan<T> own) where T : unmanaged
    {
        var all = new T[own.Length * Share.Count];
        fixed (T* part = own, whole = all)
        {
            Gather((byte*)part, (byte*)whole, (long)own.Length * sizeof(T));
        }
        return all;
    }

    /// <summary>The bytes become those of rank 0.</summary>
    /// <exception cref="IOException">A neighbour is gone.</exception>
    public void Broadcast(byte* bytes, long length)
    {
        if (Share.Rank > 0)
        {
            Receive(bytes, length);
        }
        if (Share.Rank < Share.Count - 1)
        {
            Send(bytes, length);
        }
    }

    /// <summary>What rank 0 says.</summary>
    /// <param name="own">Of rank 0.</param>
    /// <exception cref="IOException">A neighbour is gone.</exception>
    public T Broadcast<T>(T own) where T : unmanaged
    {
        Broadcast((byte*)&own, sizeof(T));
        return own;
    }

    /// <summary>Sends to the next while receiving from the one before: nobody waits for a neighbour that waits for him.</summary>
    private void Exchange(byte* send, long sendLength, byte* receive, long receiveLength)
    {
        for (long at = 0; at < Math.Max(sendLength, receiveLength); at += Piece)
        {
            Send(send + at, Math.Clamp(sendLength - at, 0, Piece));
            Receive(receive + at, Math.Clamp(receiveLength - at, 0, Piece));
        }
    }

    private static void Add(float* to, float* from, long length)
    {
        for (long at = 0; at < length; at += Piece)
        {
            var size = (int)Math.Min(Piece, length - at);
            Span<float> sums = new(to + at, size);
            TensorPrimitives.Add(sums, new ReadOnlySpan<float>(from + at, size), sums);
        }
    }

    private void Send(byte* bytes, long length)
    {
        for (long at = 0; at < length;)
        {
            at += Transfer(_next, isSending: true, bytes + at, (int)Math.Min(Piece, length - at));
        }
    }

    private void Receive(byte* bytes, long length)
    {
        for (long at = 0; at < length;)
        {
            at += Transfer(_previous, isSending: false, bytes + at, (int)Math.Min(Piece, length - at));
        }
    }

    private static int Transfer(Socket socket, bool isSending, byte* bytes, int length)
    {
        try
        {
            var done = isSending ? socket.Send(new ReadOnlySpan<byte>(bytes, length)) : socket.Receive(new Span<byte>(bytes, length));
            return done > 0 ? done : throw new IOException("Another device's process has closed its connection.");
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            throw new IOException($"The connection to another device's process broke: {error.Message}", error);
        }
    }

    public void Dispose()
    {
        _next.Dispose();
        _previous.Dispose();
    }
}
