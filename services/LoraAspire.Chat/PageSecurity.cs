namespace LoraAspire.Chat;

/// <summary>The page runs nothing, and no other page may frame it.</summary>
public static class PageSecurity
{
    private const string Policy =
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    public static void UsePageSecurity(this WebApplication app) => app.Use((context, next) =>
    {
        context.Response.Headers.ContentSecurityPolicy = Policy;
        context.Response.Headers.XContentTypeOptions = "nosniff";
        context.Response.Headers["Referrer-Policy"] = "no-referrer";
        return next(context);
    });
}
