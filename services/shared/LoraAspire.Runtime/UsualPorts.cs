namespace LoraAspire.Runtime;

/// <summary>Where the app's pages listen unless they are told otherwise.</summary>
public static class UsualPorts
{
    public const int Lab = 15080, Chat = 15081, Dashboard = 15888;
}
